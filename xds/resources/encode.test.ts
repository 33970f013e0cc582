import { describe, expect, test } from "vitest";
import { EvenkeelError } from "../../common/errors.ts";
import { Cluster } from "../../proto/generated/envoy/config/cluster/v3/cluster.ts";
import { ClusterLoadAssignment } from "../../proto/generated/envoy/config/endpoint/v3/endpoint.ts";
import { Listener } from "../../proto/generated/envoy/config/listener/v3/listener.ts";
import { RouteConfiguration } from "../../proto/generated/envoy/config/route/v3/route.ts";
import { LeastRequest } from "../../proto/generated/envoy/extensions/load_balancing_policies/least_request/v3/least_request.ts";
import { Any } from "../../proto/generated/google/protobuf/any.ts";
import { packAny } from "./any.ts";
import { encodeResource } from "./encode.ts";
import { TYPE_URLS } from "./resource.ts";

function assignment(...weights: number[]): ClusterLoadAssignment {
  return ClusterLoadAssignment.fromPartial({
    clusterName: "workers",
    endpoints: [
      {
        lbEndpoints: weights.map((loadBalancingWeight, index) => ({
          loadBalancingWeight,
          hostIdentifier: {
            $case: "endpoint",
            endpoint: {
              address: {
                address: {
                  $case: "socketAddress",
                  socketAddress: { address: `10.0.0.${index}`, portSpecifier: { $case: "portValue", portValue: 80 } },
                },
              },
            },
          },
        })),
      },
    ],
  });
}

function refusal(run: () => unknown): EvenkeelError {
  try {
    run();
  } catch (error) {
    if (error instanceof EvenkeelError) return error;
    throw error;
  }
  throw new Error("was not refused");
}

const encodeAssignment = (...weights: number[]) =>
  encodeResource(TYPE_URLS.endpoints, "workers", assignment(...weights));

test("a resource is an encoded Any of its message", () => {
  const { any, ...rest } = encodeAssignment(1, 2);
  const { typeUrl, value } = Any.decode(any);
  expect(rest).toMatchObject({ typeUrl: TYPE_URLS.endpoints, name: "workers" });
  expect(typeUrl).toBe(TYPE_URLS.endpoints);
  expect(ClusterLoadAssignment.decode(value)).toEqual(assignment(1, 2));
});

test("the version changes with the bytes and only with them", () => {
  expect(encodeAssignment(1, 2).version).toBe(encodeAssignment(1, 2).version);
  expect(encodeAssignment(1, 2).version).not.toBe(encodeAssignment(2, 1).version);
  // Fixed, so that a release that changes the digest, and with it every version at once, is noticed.
  expect(encodeResource(TYPE_URLS.route, "r", RouteConfiguration.fromPartial({ name: "r" })).version).toBe(
    "7b48c7b82f0c9744",
  );
});

test.each([
  ["cluster", () => encodeResource(TYPE_URLS.cluster, "c", Cluster.fromPartial({ name: "c" }))],
  ["listener", () => encodeResource(TYPE_URLS.listener, "l", Listener.fromPartial({ name: "l" }))],
])("a %s is encoded too", (_, encode) => {
  expect(encode().any.length).toBeGreaterThan(0);
});

describe("refused with EK_RESOURCE_INVALID", () => {
  test("each broken rule is named, with the resource", () => {
    const error = refusal(() => encodeAssignment(0, 1, 0));
    expect(error.code).toBe("EK_RESOURCE_INVALID");
    expect(error.where).toBe("ClusterLoadAssignment workers");
    expect(error.message).toBe(
      "endpoints[0].lb_endpoints[0].load_balancing_weight: is 0, must be at least 1; " +
        "endpoints[0].lb_endpoints[2].load_balancing_weight: is 0, must be at least 1",
    );
  });

  test.each([
    ["NaN", Number.NaN],
    ["a fraction", 1.5],
    ["below zero", -1],
    ["2^32", 2 ** 32],
    ["infinite", Infinity],
  ])("a weight that does not fit its field: %s", (_, weight) => {
    const error = refusal(() => encodeAssignment(1, weight));
    expect(error.code).toBe("EK_RESOURCE_INVALID");
    expect(error.message).toContain(String(weight));
  });

  test("weights that sum to 2^32", () => {
    expect(refusal(() => encodeAssignment(2 ** 32 - 1, 1)).message).toContain("weights sum to 4294967296");
  });

  test("a message of another name", () => {
    expect(refusal(() => encodeResource(TYPE_URLS.endpoints, "others", assignment(1))).message).toBe(
      'cluster_name: is "workers", must be the resource\'s name "others"',
    );
  });

  test("a thousand faults are not told one by one", () => {
    const { message } = refusal(() => encodeAssignment(...new Array<number>(1000).fill(0)));
    expect(message).toMatch(/; and 990 more$/);
  });

  test("a broken rule inside a typed_config", () => {
    const policy = (choiceCount: number) =>
      Cluster.fromPartial({
        name: "workers",
        loadBalancingPolicy: {
          policies: [
            {
              typedExtensionConfig: {
                name: "least_request",
                typedConfig: packAny(
                  "envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest",
                  LeastRequest.fromPartial({ choiceCount }),
                ),
              },
            },
          ],
        },
      });
    expect(() => encodeResource(TYPE_URLS.cluster, "workers", policy(2))).not.toThrow();
    expect(refusal(() => encodeResource(TYPE_URLS.cluster, "workers", policy(1))).message).toBe(
      "load_balancing_policy.policies[0].typed_extension_config.typed_config.choice_count: is 1, must be at least 2",
    );
  });
});
