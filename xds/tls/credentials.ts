import { experimental, type ServerCredentials } from "@grpc/grpc-js";
import type { Identity } from "./identity.ts";

type CaListener = Parameters<experimental.CertificateProvider["addCaCertificateListener"]>[0];
type IdentityListener = Parameters<experimental.CertificateProvider["addIdentityCertificateListener"]>[0];

/** The newest identity, for gRPC servers: connections that are open stay, new ones get it. */
export class CurrentIdentity implements experimental.CertificateProvider {
  readonly #caListeners = new Set<CaListener>();
  readonly #identityListeners = new Set<IdentityListener>();
  #identity: Identity;

  constructor(identity: Identity) {
    this.#identity = identity;
  }

  replace(identity: Identity): void {
    this.#identity = identity;
    for (const listener of this.#caListeners) listener(this.#ca());
    for (const listener of this.#identityListeners) listener(this.#own());
  }

  addCaCertificateListener(listener: CaListener): void {
    this.#caListeners.add(listener);
    // Not yet: gRPC is not ready to hear of it before this call returns.
    queueMicrotask(() => listener(this.#ca()));
  }

  removeCaCertificateListener(listener: CaListener): void {
    this.#caListeners.delete(listener);
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.add(listener);
    queueMicrotask(() => listener(this.#own()));
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.delete(listener);
  }

  #ca() {
    return { caCertificate: Buffer.from(this.#identity.roots) };
  }

  #own() {
    return { certificate: Buffer.from(this.#identity.certificates), privateKey: Buffer.from(this.#identity.key) };
  }
}

/** Mutual TLS: no client without a certificate that leads to the identity's roots. */
export function mutualTls(identity: CurrentIdentity): ServerCredentials {
  // One provider for both, so that the order in which gRPC takes them does not matter.
  return experimental.createCertificateProviderServerCredentials(identity, identity, true);
}
