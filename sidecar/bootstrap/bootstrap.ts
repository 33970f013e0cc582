import { GRPC_SOURCE, LOAD_STATS_CONFIG } from "./grpc-source.ts";
import { type XdsAddress, xdsCluster } from "./xds-cluster.ts";

export interface BootstrapOptions {
  /** Unique among the Envoys of a control plane. */
  readonly nodeId: string;
  /** What the Envoys of one kind are called together. */
  readonly nodeCluster: string;
  readonly locality?: { readonly region?: string; readonly zone?: string; readonly subZone?: string };
  /** The control plane's replicas; at least one. */
  readonly xds: readonly XdsAddress[];
  /** `transport_socket` of the cluster that leads to them; plain text without it. */
  readonly xdsTransportSocket?: object;
  /** Incremental or state-of-the-world ADS. */
  readonly protocol?: "DELTA_GRPC" | "GRPC";
  /** The admin server's port on loopback; 0, the default, for a free one. */
  readonly adminPort?: number;
  /** The heap at which Envoy turns new requests away instead of dying, in bytes. */
  readonly maxHeapBytes?: number;
  /** Client connections at once over all listeners. */
  readonly maxConnections?: number;
}

const DEFAULT_MAX_HEAP_BYTES = 2 ** 30;
const DEFAULT_MAX_CONNECTIONS = 50_000;

/** Envoy's own configuration, as JSON: it asks the control plane for everything else, and tells it its load (LRS). */
export function bootstrap(options: BootstrapOptions): object {
  const fromAds = { ads: {}, resource_api_version: "V3", initial_fetch_timeout: "5s" };
  return {
    node: {
      id: options.nodeId,
      cluster: options.nodeCluster,
      ...(options.locality === undefined ? {} : { locality: locality(options.locality) }),
    },
    admin: {
      address: { socket_address: { address: "127.0.0.1", port_value: options.adminPort ?? 0 } },
    },
    dynamic_resources: {
      ads_config: { api_type: options.protocol ?? "DELTA_GRPC", ...GRPC_SOURCE },
      cds_config: fromAds,
      lds_config: fromAds,
    },
    cluster_manager: { load_stats_config: LOAD_STATS_CONFIG },
    static_resources: {
      clusters: [xdsCluster(options.xds, options.xdsTransportSocket)],
    },
    stats_flush_on_admin: true,
    overload_manager: overloadManager(
      options.maxHeapBytes ?? DEFAULT_MAX_HEAP_BYTES,
      options.maxConnections ?? DEFAULT_MAX_CONNECTIONS,
    ),
  };
}

function locality(place: NonNullable<BootstrapOptions["locality"]>): object {
  return { region: place.region ?? "", zone: place.zone ?? "", sub_zone: place.subZone ?? "" };
}

function overloadManager(maxHeapBytes: number, maxConnections: number): object {
  const heap = "envoy.resource_monitors.fixed_heap";
  const at = (name: string, share: number) => ({
    name: `envoy.overload_actions.${name}`,
    triggers: [{ name: heap, threshold: { value: share } }],
  });
  return {
    refresh_interval: "0.25s",
    resource_monitors: [
      {
        name: heap,
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
          max_heap_size_bytes: maxHeapBytes,
        },
      },
      {
        name: "envoy.resource_monitors.global_downstream_max_connections",
        typed_config: {
          "@type":
            "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
          max_active_downstream_connections: maxConnections,
        },
      },
    ],
    actions: [at("shrink_heap", 0.9), at("disable_http_keepalive", 0.92), at("stop_accepting_requests", 0.95)],
  };
}
