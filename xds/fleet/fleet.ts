/**
 * The fleet: what is out there to be balanced. The small model of our own between the sources (a file, Kubernetes) and
 * Envoy's messages. Immutable: a change is a new Fleet; a cluster that did not change keeps its identity (`===`), so that
 * nothing to the right works twice.
 */
export interface Fleet {
  /** By name, as Envoy knows the cluster. */
  readonly clusters: ReadonlyMap<string, Cluster>;
  /** Front doors that we configure ourselves (standalone Envoy). Empty where somebody else (istiod) owns them. */
  readonly listeners: ReadonlyMap<string, FrontDoor>;
}

export interface Cluster {
  readonly name: string;
  /** In a stable order (sorted by key). */
  readonly endpoints: readonly Endpoint[];
  /** HTTP version spoken to the endpoints. */
  readonly protocol: "http1" | "http2";
  readonly connectTimeoutMs: number;
  /** Envoy asks each endpoint for this path every second and leaves out one that does not answer 200. Absent: never asked. */
  readonly healthCheckPath?: string;
}

export interface Endpoint {
  /** `ADDRESS:PORT`, IPv6 in brackets: unique in its cluster, the key of signals and weights. */
  readonly key: string;
  /** IPv4 or IPv6 literal. */
  readonly address: string;
  readonly port: number;
  readonly locality: Locality;
  /**
   * `ready`: takes requests. `draining`: terminating; finishes what it has, is offered to Envoy as DRAINING.
   * Endpoints that are not ready are not in the fleet at all.
   */
  readonly state: "ready" | "draining";
  /** Where its agent tells its CPU over ORCA. Absent: no agent. */
  readonly agent?: { readonly address: string; readonly port: number };
  /** Where it runs, for signals that are known by pod or node. */
  readonly pod?: { readonly namespace: string; readonly name: string; readonly node?: string };
  /** Envoy must reach it over Istio's mutual TLS (metadata `envoy.transport_socket_match: {tlsMode: istio}`). */
  readonly tls?: "istio";
}

export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
}

/** One listener with its routes, all in this order; the first that matches wins. */
export interface FrontDoor {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly routes: readonly Route[];
  /** Largest request body in bytes; more is 413. */
  readonly maxRequestBytes: number;
}

export interface Route {
  readonly prefix: string;
  readonly cluster: string;
  /** The whole request's time; undefined: no limit. */
  readonly timeoutMs: number | undefined;
}

/** Where a fleet comes from. The last good fleet stays when the source fails. */
export interface FleetSource {
  /** The last good fleet; undefined until the first one. */
  current(): Fleet | undefined;
  /** Is a cluster of this name made when somebody asks for it? Absent: none is. */
  makes?(name: string): boolean;
  /** Why the source cannot be read just now, for a person; undefined when all is well. */
  fault(): string | undefined;
  /** Called after each change of {@link current} or {@link fault}. Returns the end of the subscription. */
  subscribe(listener: () => void): () => void;
  close(): Promise<void>;
}

/** The key of an endpoint: `10.0.0.1:80`, `[fd00::1]:80`. */
export function endpointKey(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
