import { XDS_CLUSTER } from "./xds-cluster.ts";

/** How an Envoy opens its streams to the control plane: the part that an ApiConfigSource of any `api_type` has, as JSON. */
export const GRPC_SOURCE = {
  transport_api_version: "V3",
  set_node_on_first_message_only: true,
  grpc_services: [
    {
      envoy_grpc: {
        cluster_name: XDS_CLUSTER,
        // Envoy's default backs off to 30 s, in which weights grow old.
        retry_policy: { retry_back_off: { base_interval: "0.1s", max_interval: "2s" } },
      },
    },
  ],
} as const;

/** Has Envoy tell the control plane its load (LRS): a part of `cluster_manager`. */
export const LOAD_STATS_CONFIG = { api_type: "GRPC", ...GRPC_SOURCE } as const;
