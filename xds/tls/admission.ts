import type { PeerCertificate } from "node:tls";
import {
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  status,
} from "@grpc/grpc-js";
import type { Logger } from "../../common/log.ts";
import type { Parser } from "../../common/settings.ts";
import { spiffeIdOf } from "./identity.ts";

/** Who may connect: patterns of SPIFFE ids, where `*` stands for any one part between slashes. Empty: everyone. */
export type AllowedClients = readonly string[];

/** `spiffe://cluster.local/ns/shop/sa/*`, several separated by commas. Only the empty text is no pattern, and so everyone. */
export const parseAllowedClients: Parser<AllowedClients> = (text) => {
  const patterns = text === "" ? [] : text.split(",").map((each) => each.trim());
  for (const pattern of patterns)
    if (!/^spiffe:\/\/[^/\s]+(\/[^/\s]+)+$/.test(pattern))
      throw new Error("is not a list of SPIFFE ids such as spiffe://cluster.local/ns/shop/sa/*");
  return patterns;
};

export function isAllowed(allowed: AllowedClients, spiffeId: string | undefined): boolean {
  if (allowed.length === 0) return true;
  const parts = spiffeId?.split("/") ?? [];
  return allowed.some((pattern) => {
    const wanted = pattern.split("/");
    return wanted.length === parts.length && wanted.every((part, index) => part === "*" || part === parts[index]);
  });
}

/** A call whose connection may have proved who is at its other end. */
export interface Authenticated {
  getAuthContext(): { readonly sslPeerCertificate?: PeerCertificate };
}

/** The SPIFFE id that a client proved to have. */
export function clientIdentity(call: Authenticated): string | undefined {
  return spiffeIdOf(call.getAuthContext().sslPeerCertificate?.subjectaltname);
}

/** Refuses the calls of clients that are not allowed, whatever they call. */
export function admission(allowed: AllowedClients, log: Logger): ServerInterceptor {
  return (_method, call) => new ServerInterceptingCall(call, { start: (next) => next(admitting(allowed, call, log)) });
}

function admitting(allowed: AllowedClients, call: ServerInterceptingCallInterface & Authenticated, log: Logger) {
  return {
    onReceiveMetadata(metadata: Metadata, next: (metadata: Metadata) => void): void {
      const identity = clientIdentity(call);
      if (isAllowed(allowed, identity)) {
        next(metadata);
        return;
      }
      log.warn({ peer: call.getPeer(), identity }, "a client that is not allowed is refused (--allowed-clients)");
      call.sendStatus({
        code: status.PERMISSION_DENIED,
        details: `${identity ?? "a client without a SPIFFE id"} is not among the allowed clients`,
      });
    },
  };
}
