import { HealthStatus } from "../../proto/generated/envoy/config/core/v3/health_check.ts";
import { ClusterLoadAssignment } from "../../proto/generated/envoy/config/endpoint/v3/endpoint.ts";
import { LbEndpoint } from "../../proto/generated/envoy/config/endpoint/v3/endpoint_components.ts";
import type { Cluster, Endpoint } from "../fleet/fleet.ts";

/**
 * Envoy's message for a cluster's endpoints, those of one locality together.
 * @param weights by endpoint key: whole numbers from 1, those of a locality below 2^32 in sum; Envoy takes 1 for a
 *   missing one
 */
export function assignmentMessage(cluster: Cluster, weights: ReadonlyMap<string, number>): ClusterLoadAssignment {
  const groups = Map.groupBy(cluster.endpoints, ({ locality }) =>
    JSON.stringify([locality.region, locality.zone, locality.subZone]),
  );
  // Sorted, so that the same fleet always makes the same bytes.
  const keys = [...groups.keys()].sort();
  return ClusterLoadAssignment.fromPartial({
    clusterName: cluster.name,
    endpoints: keys.map((key) => {
      const endpoints = groups.get(key) ?? [];
      return {
        locality: endpoints[0]?.locality,
        lbEndpoints: endpoints.map((endpoint) => lbEndpoint(endpoint, weights.get(endpoint.key))),
      };
    }),
  });
}

function lbEndpoint(endpoint: Endpoint, weight: number | undefined): LbEndpoint {
  return LbEndpoint.fromPartial({
    hostIdentifier: {
      $case: "endpoint",
      endpoint: {
        address: {
          address: {
            $case: "socketAddress",
            socketAddress: {
              address: endpoint.address,
              portSpecifier: { $case: "portValue", portValue: endpoint.port },
            },
          },
        },
      },
    },
    healthStatus: endpoint.state === "draining" ? HealthStatus.DRAINING : HealthStatus.HEALTHY,
    ...(weight === undefined ? {} : { loadBalancingWeight: weight }),
    ...(endpoint.tls === "istio"
      ? { metadata: { filterMetadata: { "envoy.transport_socket_match": { tlsMode: "istio" } } } }
      : {}),
  });
}
