import { describe, expect, it } from "vitest";
import { deploymentReadiness, hpaReadiness, podTroubles } from "./readiness.ts";

describe("a Deployment", () => {
  const ready = { observedGeneration: 2, replicas: 3, updatedReplicas: 3, availableReplicas: 3 };
  it.each([
    ["all of the latest template", ready, true, "3 of 3 pods ready"],
    ["not seen by its controller yet", { ...ready, observedGeneration: 1 }, false, "3 of 3 pods ready"],
    ["an old pod still there", { ...ready, replicas: 4 }, false, "3 of 3 pods ready"],
    ["one not available", { ...ready, availableReplicas: 2 }, false, "2 of 3 pods ready"],
    ["old ones available only", { ...ready, updatedReplicas: 0 }, false, "0 of 3 pods ready"],
    ["no status", undefined, false, "0 of 3 pods ready"],
  ])("with %s", (_, status, isReady, text) => {
    const state = { metadata: { generation: 2 }, spec: { replicas: 3 }, ...(status && { status }) };
    expect(deploymentReadiness(state)).toEqual({ ready: isReady, text });
  });
});

describe("an HPA", () => {
  const withCpu = (current: { averageUtilization?: number }) => ({
    status: { currentMetrics: [{ resource: { name: "memory" } }, { resource: { name: "cpu", current } }] },
  });
  it("works when it knows the CPU, zero too", () => {
    expect(hpaReadiness(withCpu({ averageUtilization: 0 }))).toMatchObject({ ready: true });
    expect(hpaReadiness(withCpu({ averageUtilization: 42 })).text).toContain("42 %");
  });
  it.each([{}, { status: {} }, { status: { currentMetrics: null } }, withCpu({})])("does not yet with %j", (state) => {
    expect(hpaReadiness(state).ready).toBe(false);
  });
});

it("says why pods do not start", () => {
  const pods = [
    {
      metadata: { name: "a" },
      status: { containerStatuses: [{ state: { waiting: { reason: "ImagePullBackOff", message: "no such image" } } }] },
    },
    {
      metadata: { name: "b" },
      status: { containerStatuses: [{ state: { waiting: { reason: "ContainerCreating" } } }] },
    },
    {
      metadata: { name: "c" },
      status: { conditions: [{ type: "PodScheduled", status: "False", message: "0/1 nodes: Insufficient cpu" }] },
    },
    { metadata: { name: "d" } },
  ];
  expect(podTroubles(pods)).toBe("a: ImagePullBackOff: no such image; c: 0/1 nodes: Insufficient cpu");
});
