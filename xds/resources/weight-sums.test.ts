import { expect, test } from "vitest";
import { ClusterLoadAssignment } from "../../proto/generated/envoy/config/endpoint/v3/endpoint.ts";
import { weightSumFaults } from "./weight-sums.ts";

const UINT32_MAX = 0xffff_ffff;

function assignment(...localities: { weights: (number | undefined)[]; priority?: number; weight?: number }[]) {
  return ClusterLoadAssignment.fromPartial({
    clusterName: "workers",
    endpoints: localities.map(({ weights, priority, weight }) => ({
      priority,
      loadBalancingWeight: weight,
      lbEndpoints: weights.map((loadBalancingWeight) => ({ loadBalancingWeight })),
    })),
  });
}

test("sums up to 2^32 - 1 are fine, in each locality and each priority by itself", () => {
  expect(
    weightSumFaults(
      assignment(
        { weights: [UINT32_MAX], weight: UINT32_MAX },
        { weights: [UINT32_MAX - 1, undefined], weight: UINT32_MAX, priority: 1 },
      ),
    ),
  ).toEqual([]);
  expect(weightSumFaults(assignment())).toEqual([]);
});

test("more is refused; no weight counts as 1", () => {
  expect(weightSumFaults(assignment({ weights: [1] }, { weights: [UINT32_MAX, undefined] }))).toEqual([
    "endpoints[1].lb_endpoints: weights sum to 4294967296, must sum to at most 4294967295",
  ]);
  expect(weightSumFaults(assignment({ weights: [1], weight: UINT32_MAX }, { weights: [1], weight: 1 }))).toEqual([
    "endpoints: localities of priority 0 have weights that sum to 4294967296, must sum to at most 4294967295",
  ]);
});
