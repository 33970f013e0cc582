import { expect, test } from "vitest";
import { quantile, render } from "./view.ts";

test("a frame tells CPU, weight, in-flight, share and latency of each worker", () => {
  const text = render({
    workers: [
      { name: "worker-1", key: "a", cpu: 1, cpuAgeMs: 5, weight: 10, weightShare: 0.1, inFlight: 3, requests: 7 },
      {
        ...{ name: "worker-2", key: "b", cpu: undefined, cpuAgeMs: undefined, weight: undefined },
        ...{ weightShare: undefined, inFlight: 0, requests: 0 },
      },
    ],
    shares: new Map([["worker-1", 0.25]]),
    latencies: new Map([["worker-1", 123.4]]),
    busy: "worker-1",
    recent: [{ startedMs: 0, latencyMs: 80, status: 200, body: "", ok: true }],
    sent: 8,
    failed: 0,
    note: "note",
    tryIt: ["curl"],
  });
  expect(text).toMatch(/worker-1 +█{16} +100% +10 +3 +25% █{4}░{12} +123 ms busy/);
  expect(text).toMatch(/worker-2 +░{16} +- +- +0 +0%/);
  expect(text).toContain("uploads 8, failed 0; latency p50 80 ms, p95 80 ms");
});

test("a quantile of nothing is NaN, of one figure that figure", () => {
  expect(quantile([], 0.5)).toBeNaN();
  expect(quantile([3], 0.99)).toBe(3);
  expect(quantile([1, 2, 3, 4], 0.5)).toBe(3);
});
