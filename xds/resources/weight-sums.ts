import type { ClusterLoadAssignment } from "../../proto/generated/envoy/config/endpoint/v3/endpoint.ts";

const UINT32_MAX = 0xffff_ffff;

/**
 * What Envoy refuses about weights beyond the rules of single fields: in a locality the endpoints' weights, and in a
 * priority the localities' weights, must sum to less than 2^32 (Envoy's `endpoint_components.proto`).
 * @returns each fault as `field.path: what is wrong`
 */
export function weightSumFaults(assignment: ClusterLoadAssignment): string[] {
  const faults: string[] = [];
  const byPriority = new Map<number, number>();
  for (const [index, locality] of assignment.endpoints.entries()) {
    const sum = locality.lbEndpoints.reduce((total, { loadBalancingWeight }) => total + (loadBalancingWeight ?? 1), 0);
    if (!(sum <= UINT32_MAX))
      faults.push(`endpoints[${index}].lb_endpoints: weights sum to ${sum}, must sum to at most ${UINT32_MAX}`);
    byPriority.set(locality.priority, (byPriority.get(locality.priority) ?? 0) + (locality.loadBalancingWeight ?? 0));
  }
  for (const [priority, sum] of byPriority)
    if (!(sum <= UINT32_MAX))
      faults.push(
        `endpoints: localities of priority ${priority} have weights that sum to ${sum}, must sum to at most ${UINT32_MAX}`,
      );
  return faults;
}
