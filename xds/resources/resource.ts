/** The four kinds that we serve, in the order in which a client must get them. */
export const TYPE_URLS = {
  cluster: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
  endpoints: "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
  listener: "type.googleapis.com/envoy.config.listener.v3.Listener",
  route: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
} as const;
export type TypeUrl = (typeof TYPE_URLS)[keyof typeof TYPE_URLS];

/** One version of one resource: checked against its rules and encoded once, then shared by all streams. */
export interface EncodedResource {
  readonly typeUrl: TypeUrl;
  readonly name: string;
  /** Changes exactly when the bytes change (a digest of them), so that control plane replicas and restarts agree. */
  readonly version: string;
  /** The encoded `google.protobuf.Any`. */
  readonly any: Uint8Array;
}

/** A change to the store, all of it visible at once. */
export interface ResourceChange {
  readonly upsert: readonly EncodedResource[];
  readonly remove: readonly { readonly typeUrl: TypeUrl; readonly name: string }[];
}

/** What the streams read. Written by the left side of the house, read by the protocol. */
export interface ResourceReader {
  get(typeUrl: TypeUrl, name: string): EncodedResource | undefined;
  /** All resources of a type, by name. */
  all(typeUrl: TypeUrl): ReadonlyMap<string, EncodedResource>;
  /** A digest of all resources of a type: the state-of-the-world `version_info`. */
  version(typeUrl: TypeUrl): string;
  /** It is not there yet and may still come: clients wait, and are not told that it does not exist. */
  pending(typeUrl: TypeUrl, name: string): boolean;
  /** Called after each change with the names that it touched, by type; also when a name is waited for no longer. */
  subscribe(listener: (changed: ReadonlyMap<TypeUrl, ReadonlySet<string>>) => void): () => void;
}

/** What clients ask for by name, counted over all streams; the left side makes only what is asked for, and counts proxies. */
export interface DemandReader {
  /** How many streams subscribe to this resource by name (for the law: how many proxies share the cluster). */
  subscribers(typeUrl: TypeUrl, name: string): number;
  names(typeUrl: TypeUrl): ReadonlySet<string>;
  subscribe(listener: (typeUrl: TypeUrl, name: string, subscribers: number) => void): () => void;
}
