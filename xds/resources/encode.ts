import { hash } from "node:crypto";
import { EvenkeelError } from "../../common/errors.ts";
import { Cluster } from "../../proto/generated/envoy/config/cluster/v3/cluster.ts";
import { ClusterLoadAssignment } from "../../proto/generated/envoy/config/endpoint/v3/endpoint.ts";
import { Listener } from "../../proto/generated/envoy/config/listener/v3/listener.ts";
import { RouteConfiguration } from "../../proto/generated/envoy/config/route/v3/route.ts";
import { Any } from "../../proto/generated/google/protobuf/any.ts";
import { violations } from "../../proto/validate.ts";
import { anyOf } from "./any.ts";
import { type EncodedResource, TYPE_URLS, type TypeUrl } from "./resource.ts";
import { weightSumFaults } from "./weight-sums.ts";

/** The message of each type that we serve. */
export interface ResourceMessages {
  readonly [TYPE_URLS.cluster]: Cluster;
  readonly [TYPE_URLS.endpoints]: ClusterLoadAssignment;
  readonly [TYPE_URLS.listener]: Listener;
  readonly [TYPE_URLS.route]: RouteConfiguration;
}

interface Kind<T> {
  readonly encode: (message: T) => { finish(): Uint8Array };
  /** The name inside the message, by which Envoy files it, and the field that holds it. */
  readonly nameField: string;
  readonly nameOf: (message: T) => string;
  /** What Envoy refuses beyond the rules in its .proto files. */
  readonly faults?: (message: T) => string[];
}

const KINDS: { readonly [U in TypeUrl]: Kind<ResourceMessages[U]> } = {
  [TYPE_URLS.cluster]: { encode: Cluster.encode, nameField: "name", nameOf: ({ name }) => name },
  [TYPE_URLS.endpoints]: {
    encode: ClusterLoadAssignment.encode,
    nameField: "cluster_name",
    nameOf: ({ clusterName }) => clusterName,
    faults: weightSumFaults,
  },
  [TYPE_URLS.listener]: { encode: Listener.encode, nameField: "name", nameOf: ({ name }) => name },
  [TYPE_URLS.route]: { encode: RouteConfiguration.encode, nameField: "name", nameOf: ({ name }) => name },
};

/** Hexadecimal digits of the digest that is the version: 64 bits. */
const VERSION_DIGITS = 16;
/** A broken setting may break each of a thousand endpoints: a person reads the first few. */
const TOLD_FAULTS = 10;

/**
 * Checks a resource against the rules that Envoy states for it and encodes it, once for all streams. The same message,
 * built in the same order, gives the same bytes and so the same version, in every process.
 * @param name the resource's name, which must also stand in the message
 * @throws EvenkeelError EK_RESOURCE_INVALID with each broken rule
 */
export function encodeResource<U extends TypeUrl>(
  typeUrl: U,
  name: string,
  message: ResourceMessages[U],
): EncodedResource {
  const kind: Kind<ResourceMessages[U]> = KINDS[typeUrl];
  const value = encoded(kind, typeUrl, name, message);
  const faults = [...violations(typeUrl, value), ...(kind.faults?.(message) ?? [])];
  const ownName = kind.nameOf(message);
  if (ownName !== name)
    faults.push(
      `${kind.nameField}: is ${JSON.stringify(ownName)}, must be the resource's name ${JSON.stringify(name)}`,
    );
  if (faults.length > 0) throw invalid(typeUrl, name, faults);
  return {
    typeUrl,
    name,
    version: hash("sha256", value, "hex").slice(0, VERSION_DIGITS),
    any: Any.encode(anyOf(typeUrl, value)).finish(),
  };
}

function encoded<U extends TypeUrl>(
  kind: Kind<ResourceMessages[U]>,
  typeUrl: U,
  name: string,
  message: ResourceMessages[U],
): Uint8Array {
  try {
    return kind.encode(message).finish();
  } catch (cause) {
    // A number that does not fit its field: NaN, a fraction, below zero.
    throw invalid(typeUrl, name, [(cause as Error).message], cause);
  }
}

function invalid(typeUrl: TypeUrl, name: string, faults: readonly string[], cause?: unknown): EvenkeelError {
  const more = faults.length > TOLD_FAULTS ? `; and ${faults.length - TOLD_FAULTS} more` : "";
  return new EvenkeelError("EK_RESOURCE_INVALID", faults.slice(0, TOLD_FAULTS).join("; ") + more, {
    where: `${typeUrl.slice(typeUrl.lastIndexOf(".") + 1)} ${name}`,
    cause,
  });
}
