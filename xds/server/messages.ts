import type { Node } from "../../proto/generated/envoy/config/core/v3/base.ts";
import { DeltaDiscoveryRequest, DiscoveryRequest } from "../../proto/generated/envoy/service/discovery/v3/discovery.ts";
import type { XdsRequest } from "./session.ts";

/** A request as it came from the wire. */
export interface Incoming {
  readonly node: Node | undefined;
  readonly request: XdsRequest;
}

/** What came was no protobuf message of its type. */
export class Malformed {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

/** Longer error messages of clients are cut: they are kept and logged. */
const MAX_ERROR_LENGTH = 4096;

/** Decodes, and says what is wrong with bytes that cannot be, so that the stream can end with a clear status. */
export function decoder<T>(decode: (bytes: Buffer) => T): (bytes: Buffer) => T | Malformed {
  return (bytes) => {
    try {
      return decode(bytes);
    } catch (error) {
      return new Malformed(error instanceof Error ? error.message : String(error));
    }
  };
}

export function decodeSotw(bytes: Buffer): Incoming {
  const message = DiscoveryRequest.decode(bytes);
  return {
    node: message.node,
    request: {
      kind: "sotw",
      typeUrl: message.typeUrl,
      names: message.resourceNames,
      nonce: message.responseNonce,
      ...errorOf(message.errorDetail),
    },
  };
}

export function decodeDelta(bytes: Buffer): Incoming {
  const message = DeltaDiscoveryRequest.decode(bytes);
  return {
    node: message.node,
    request: {
      kind: "delta",
      typeUrl: message.typeUrl,
      subscribe: message.resourceNamesSubscribe,
      unsubscribe: message.resourceNamesUnsubscribe,
      initialVersions: new Map(Object.entries(message.initialResourceVersions)),
      nonce: message.responseNonce,
      ...errorOf(message.errorDetail),
    },
  };
}

function errorOf(detail: { readonly message: string } | undefined): { readonly error?: string } {
  return detail === undefined ? {} : { error: detail.message.slice(0, MAX_ERROR_LENGTH) };
}
