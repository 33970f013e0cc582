import { isIP } from "node:net";

/** The name under which Envoy's bootstrap knows the control plane. */
export const XDS_CLUSTER = "evenkeel-xds";

/** Where a control plane listens. */
export interface XdsAddress {
  /** An IP address or a host name. */
  readonly address: string;
  readonly port: number;
}

/**
 * The cluster that leads to the control plane, as JSON for a bootstrap. A dead replica is noticed within about 8 s (HTTP/2
 * pings) even when no packet says so, and left out while others answer.
 * @param addresses all replicas, or one name that resolves to all of them
 * @param transportSocket how to speak TLS with it; absent: plain text
 */
export function xdsCluster(addresses: readonly XdsAddress[], transportSocket?: object): object {
  const resolved = addresses.every(({ address }) => isIP(address) !== 0);
  return {
    name: XDS_CLUSTER,
    ...(resolved
      ? { type: "STATIC" }
      : {
          type: "STRICT_DNS",
          // A control plane that moves is found soon; Envoy's own 5 s would do, its failure rate has to be as short.
          dns_refresh_rate: "5s",
          dns_failure_refresh_rate: { base_interval: "0.5s", max_interval: "2s" },
          dns_lookup_family: "ALL",
        }),
    connect_timeout: "1s",
    load_assignment: {
      cluster_name: XDS_CLUSTER,
      endpoints: [
        {
          lb_endpoints: addresses.map(({ address, port }) => ({
            endpoint: { address: { socket_address: { address, port_value: port } } },
          })),
        },
      ],
    },
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config: {
          http2_protocol_options: { connection_keepalive: { interval: "5s", timeout: "3s" } },
        },
      },
    },
    upstream_connection_options: { tcp_keepalive: { keepalive_probes: 3, keepalive_time: 10, keepalive_interval: 3 } },
    // With every replica unreachable it is still better to try one than to answer "no healthy upstream".
    outlier_detection: {
      split_external_local_origin_errors: true,
      consecutive_local_origin_failure: 2,
      enforcing_consecutive_5xx: 0,
      enforcing_consecutive_gateway_failure: 0,
      base_ejection_time: "2s",
      max_ejection_time: "10s",
      max_ejection_percent: 50,
    },
    ...(transportSocket === undefined ? {} : { transport_socket: transportSocket }),
  };
}
