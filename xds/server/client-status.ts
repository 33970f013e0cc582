import type { Node } from "../../proto/generated/envoy/config/core/v3/base.ts";
import { nodeName } from "./node-name.ts";
import type { XdsRequest } from "./session.ts";
import { GONE, type Nack, type Subscription, WILDCARD } from "./subscription.ts";

/** Which gRPC service a stream belongs to. */
export type ServiceName = "ads" | "cds" | "eds" | "lds" | "rds";

/** One xDS stream as its server sees it. */
export interface ClientStatus {
  /** Unique for each stream of this process. */
  readonly stream: number;
  readonly nodeId: string;
  /** The node id as a person knows it (see {@link nodeName}). */
  readonly name: string;
  /** `node.cluster`. */
  readonly nodeCluster: string;
  /** `ADDRESS:PORT` of the other end. */
  readonly peer: string;
  /** Who the client proved to be over TLS. */
  readonly identity: string | undefined;
  readonly service: ServiceName;
  readonly protocol: XdsRequest["kind"];
  /** Wall clock, ms. */
  readonly connectedAtMs: number;
  readonly types: readonly TypeStatus[];
}

/** Worst first. */
export const TYPE_STATES = ["error", "stale", "not-sent", "synced"] as const;
/** `synced`: the newest response was accepted; `stale`: not answered yet; `error`: a version that it has was refused. */
export type TypeState = (typeof TYPE_STATES)[number];

export interface TypeStatus {
  readonly typeUrl: string;
  readonly state: TypeState;
  readonly wildcard: boolean;
  /** How many resources it asks for by name. */
  readonly names: number;
  readonly sentVersion: string | undefined;
  readonly sentNonce: string | undefined;
  readonly ackedVersion: string | undefined;
  /** Wall clock of the newest response, ms. */
  readonly sentAtMs: number | undefined;
  readonly nack: Nack | undefined;
}

export type ResourceState = "requested" | "does-not-exist" | "acked" | "nacked";

/** One resource as a client has it. */
export interface ResourceStatus {
  readonly name: string;
  /** The version that was sent last; empty: none. */
  readonly version: string;
  readonly state: ResourceState;
}

/** What is known of a stream besides its protocol state. */
export interface StreamFacts {
  readonly serial: number;
  readonly node: Node;
  readonly peer: string;
  readonly identity: string | undefined;
  readonly service: ServiceName;
  readonly protocol: XdsRequest["kind"];
  readonly connectedAtMs: number;
}

export function clientStatus(facts: StreamFacts, subscriptions: Iterable<Subscription>): ClientStatus {
  return {
    stream: facts.serial,
    nodeId: facts.node.id,
    name: nodeName(facts.node.id),
    nodeCluster: facts.node.cluster,
    peer: facts.peer,
    identity: facts.identity,
    service: facts.service,
    protocol: facts.protocol,
    connectedAtMs: facts.connectedAtMs,
    types: [...subscriptions].map(typeStatus),
  };
}

export function typeStatus(subscription: Subscription): TypeStatus {
  return {
    typeUrl: subscription.typeUrl,
    state: typeState(subscription),
    wildcard: subscription.wildcard,
    names: subscription.names.size,
    sentVersion: subscription.sent?.version,
    sentNonce: subscription.sent?.nonce,
    ackedVersion: subscription.acked?.version,
    sentAtMs: subscription.sent?.atMs,
    nack: subscription.nack,
  };
}

function typeState({ nack, sent, acked }: Subscription): TypeState {
  if (nack !== undefined) return "error";
  if (sent === undefined) return "not-sent";
  return acked?.nonce === sent.nonce ? "synced" : "stale";
}

/** Every resource that the client asked for or was told of. */
export function resourceStatuses(subscription: Subscription): ResourceStatus[] {
  const { awaiting, sent, known } = subscription;
  const inFlight = new Set(awaiting && sent !== undefined && sent.names !== WILDCARD ? sent.names : []);
  const allInFlight = awaiting && sent?.names === WILDCARD;
  return [...new Set([...subscription.names, ...known.keys()])].map((name) => {
    const version = known.get(name);
    return { name, version: version ?? "", state: stateOf(subscription, name, allInFlight || inFlight.has(name)) };
  });
}

function stateOf(subscription: Subscription, name: string, inFlight: boolean): ResourceState {
  const version = subscription.known.get(name);
  if (version === GONE) return "does-not-exist";
  if (version === undefined || inFlight) return "requested";
  return subscription.rejected.get(name) === version ? "nacked" : "acked";
}
