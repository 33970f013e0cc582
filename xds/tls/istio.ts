import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { describeError, EvenkeelError } from "../../common/errors.ts";
import type { Logger } from "../../common/log.ts";
import { readTextFile } from "../../common/text-file.ts";
import { IstioCertificateServiceClient } from "../../proto/generated/istio/v1/auth/ca.ts";
import { certificateRequest } from "./certificate-request.ts";
import { CurrentIdentity } from "./credentials.ts";
import { checkIdentity, type Identity } from "./identity.ts";

export interface IstioAuthority {
  /** `HOST:PORT` of istiod's CA. */
  readonly address: string;
  /** The name in istiod's own certificate. */
  readonly serverName?: string;
  /** File with the pod's token of audience `istio-ca`. */
  readonly tokenFile: string;
  /** File with the mesh's root certificates. */
  readonly rootsFile: string;
  readonly trustDomain: string;
  /** As istiod knows this cluster: `Kubernetes` unless the mesh has several. */
  readonly clusterId: string;
  /** How long a certificate is asked for. istiod refuses more than its `MAX_WORKLOAD_CERT_TTL`. */
  readonly validMs: number;
}

export interface IstioIdentityOptions {
  readonly log: Logger;
  /** Aborted: no more waiting for the first certificate. */
  readonly signal: AbortSignal;
}

const MAX_BYTES = 1024 * 1024;
const CALL_MS = 10_000;
const RETRY_MS = 1000;
const MAX_RETRY_MS = 30_000;
/** A certificate is renewed when half of its time is over, but not more often, and not more seldom, than this. */
const LEAST_RENEW_MS = 10_000;
/** Below the longest time that a timer of Node can wait, 2^31 ms. */
const MOST_RENEW_MS = 20 * 24 * 3_600_000;

/**
 * An identity of the mesh, as every workload's proxy has one: a key of our own, which stays in memory, and a certificate of
 * istiod's CA for the pod's service account, renewed in time. An istiod that does not answer is asked again.
 * @throws EvenkeelError EK_STOPPED when the signal comes before the first certificate
 */
export async function identityOfIstio(
  authority: IstioAuthority,
  options: IstioIdentityOptions,
): Promise<{ readonly current: CurrentIdentity; close(): void }> {
  const { log } = options;
  const ending = new AbortController();
  const first = await persist(authority, log, AbortSignal.any([options.signal, ending.signal]));
  const current = new CurrentIdentity(first.identity);
  void renew(first, current);
  return { current, close: () => ending.abort() };

  async function renew(since: Certified, identity: CurrentIdentity): Promise<void> {
    try {
      for (let latest = since; ; identity.replace(latest.identity)) {
        await sleep(renewalDelayMs(latest, Date.now()), undefined, { signal: ending.signal, ref: false });
        latest = await persist(authority, log, ending.signal);
      }
    } catch (error) {
      if (!ending.signal.aborted) log.error({ error: describeError(error) }, "the certificate is renewed no more");
    }
  }
}

interface Certified {
  readonly identity: Identity;
  readonly untilMs: number;
}

/**
 * Half of the time that a new certificate has before it. Not of its whole time: istiod dates certificates back by two minutes,
 * for clocks that are behind.
 */
export function renewalDelayMs({ untilMs }: Pick<Certified, "untilMs">, nowMs: number): number {
  return Math.min(MOST_RENEW_MS, Math.max(LEAST_RENEW_MS, (untilMs - nowMs) / 2));
}

async function persist(authority: IstioAuthority, log: Logger, signal: AbortSignal): Promise<Certified> {
  for (let delayMs = RETRY_MS; ; delayMs = Math.min(2 * delayMs, MAX_RETRY_MS)) {
    try {
      signal.throwIfAborted();
      const certified = await requestIdentity(authority);
      const { spiffeId, untilMs } = checkIdentity(certified.identity, authority.address);
      log.info({ identity: spiffeId, until: new Date(untilMs).toISOString() }, "a certificate of the mesh");
      return certified;
    } catch (error) {
      if (signal.aborted) throw new EvenkeelError("EK_STOPPED", "stopped while waiting for a certificate of the mesh");
      log.warn({ error: describeError(error), againMs: delayMs }, "no certificate of the mesh");
      await sleep(delayMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** @throws EvenkeelError EK_CA_UNREACHABLE, EK_FILE_UNREADABLE, EK_TLS_INVALID */
export async function requestIdentity(authority: IstioAuthority): Promise<Certified> {
  const token = read(authority.tokenFile, "the token for istiod's CA").trim();
  const roots = read(authority.rootsFile, "the mesh's root certificate");
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const csr = certificateRequest(privateKey, spiffeIdOfToken(token, authority.trustDomain));
  const chain = await createCertificate(authority, csr, token, roots);
  const identity = {
    certificates: chain.map((each) => each.trim()).join("\n"),
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    // While the mesh changes its root, certificates of both must do.
    roots: [...new Set([roots, ...chain.slice(1).filter(isRoot)].map((each) => each.trim()))].join("\n"),
  };
  return { identity, ...checkIdentity(identity, authority.address) };
}

function isRoot(certificate: string): boolean {
  const { issuer, subject } = new X509Certificate(certificate);
  return issuer === subject;
}

/** The id of the service account that a projected token is of. @throws EvenkeelError EK_TLS_INVALID */
export function spiffeIdOfToken(token: string, trustDomain: string): string {
  try {
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as { sub?: string };
    const [, namespace, account] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(claims.sub ?? "") ?? [];
    if (namespace !== undefined && account !== undefined)
      return `spiffe://${trustDomain}/ns/${namespace}/sa/${account}`;
  } catch {
    // What is no JSON is no token of a service account either.
  }
  throw new EvenkeelError("EK_TLS_INVALID", "the token is not a Kubernetes service account's", {
    next: "mount a projected serviceAccountToken of audience istio-ca",
  });
}

function read(path: string, what: string): string {
  const text = readTextFile(path, what, MAX_BYTES);
  if (text === undefined) throw new EvenkeelError("EK_TLS_INVALID", `${what} is no text`, { where: path });
  return text;
}

async function createCertificate(
  { address, serverName, clusterId, validMs }: IstioAuthority,
  csr: string,
  token: string,
  roots: string,
): Promise<string[]> {
  const named = serverName === undefined ? {} : { "grpc.ssl_target_name_override": serverName };
  const client = new IstioCertificateServiceClient(address, credentials.createSsl(Buffer.from(roots)), named);
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  metadata.set("clusterid", clusterId);
  const request = { csr, validityDuration: BigInt(Math.round(validMs / 1000)) };
  try {
    return await new Promise((resolve, reject) => {
      client.createCertificate(request, metadata, { deadline: Date.now() + CALL_MS }, (error, response) => {
        if (error === null) resolve(response.certChain);
        else reject(unreachable(address, error));
      });
    });
  } finally {
    client.close();
  }
}

function unreachable(address: string, error: ServiceError): EvenkeelError {
  const tooLong = /requested TTL/.test(error.details)
    ? { next: "ask for a shorter one: --istio-cert-ttl, at most istiod's MAX_WORKLOAD_CERT_TTL" }
    : {};
  return new EvenkeelError("EK_CA_UNREACHABLE", error.message, { where: address, cause: error, ...tooLong });
}
