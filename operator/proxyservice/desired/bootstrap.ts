import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import { LOAD_STATS_CONFIG } from "../../../sidecar/bootstrap/grpc-source.ts";
import { xdsCluster } from "../../../sidecar/bootstrap/xds-cluster.ts";
import { bootstrapName } from "../names.ts";
import type { Settled } from "../resource.ts";
import { type DesiredObject, objectOf } from "./meta.ts";

/** How gateways reach the control plane. */
export interface XdsAccess {
  readonly address: string;
  readonly port: number;
  /** The control plane's identity in the mesh (a SPIFFE id): mutual TLS with Istio's certificates. Absent: plain text. */
  readonly identity?: string;
}

/** The file of the ConfigMap that Istio's gateway template gives to Envoy (annotation sidecar.istio.io/bootstrapOverride). */
const FILE = "custom_bootstrap.json";

/**
 * What is added to Istio's own bootstrap: the static cluster that leads to the control plane. Envoy takes an xDS source
 * only from clusters of its bootstrap. It also tells the control plane its load: how many requests it sends to each endpoint.
 */
export function bootstrapText(access: XdsAccess): string {
  const { address, port, identity } = access;
  const cluster = xdsCluster([{ address, port }], identity === undefined ? undefined : meshTls(access, identity));
  return JSON.stringify({
    cluster_manager: { load_stats_config: LOAD_STATS_CONFIG },
    static_resources: { clusters: [cluster] },
  });
}

export function bootstrapConfigMap(settled: Settled, access: XdsAccess): DesiredObject {
  return {
    ...objectOf(RESOURCES.configMaps, settled, bootstrapName(settled.name)),
    data: { [FILE]: bootstrapText(access) },
  };
}

/** Istio's mutual TLS, as istiod would configure it for a cluster: certificates from the pod's agent over SDS. */
function meshTls({ address, port }: XdsAccess, identity: string): object {
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
      sni: `outbound_.${port}_._.${address}`,
      common_tls_context: {
        alpn_protocols: ["istio", "h2"],
        tls_certificate_sds_secret_configs: [{ name: "default", sds_config: fromAgent() }],
        combined_validation_context: {
          default_validation_context: {
            match_typed_subject_alt_names: [{ san_type: "URI", matcher: { exact: identity } }],
          },
          validation_context_sds_secret_config: { name: "ROOTCA", sds_config: fromAgent() },
        },
      },
    },
  };
}

/** `sds-grpc` is the cluster of Istio's bootstrap that leads to the agent's socket. */
function fromAgent(): object {
  return {
    api_config_source: {
      api_type: "GRPC",
      grpc_services: [{ envoy_grpc: { cluster_name: "sds-grpc" } }],
      set_node_on_first_message_only: true,
      transport_api_version: "V3",
    },
    resource_api_version: "V3",
  };
}
