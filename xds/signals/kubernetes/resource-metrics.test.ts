import { expect, test } from "vitest";
import { CounterRates } from "./counter-rates.ts";
import { podCounters } from "./resource-metrics.ts";

test("pods' counters are read with their times; the rest and the senseless is passed over", () => {
  const text = `# HELP pod_cpu_usage_seconds_total [STABLE] Cumulative cpu time
# TYPE pod_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total{container="c",namespace="a",pod="p"} 1 2
pod_cpu_usage_seconds_total{namespace="a",pod="p"} 12.5 1700000000123
pod_cpu_usage_seconds_total{pod="q",namespace="a"} 1e-3
pod_cpu_usage_seconds_total{namespace="a",pod="nan"} NaN 1700000000123
pod_cpu_usage_seconds_total{namespace="a",pod="below"} -1 1700000000123
pod_cpu_usage_seconds_total{namespace="a"} 1 1
pod_cpu_usage_seconds_total{namespace="a",pod="p"}
pod_cpu_usage_seconds_total{namespace="a",pod="cut`;
  expect(podCounters(text)).toEqual([
    { pod: "a/p", cpuSeconds: 12.5, wallMs: 1700000000123 },
    { pod: "a/q", cpuSeconds: 0.001, wallMs: undefined },
  ]);
  expect(podCounters("")).toEqual([]);
});

test("counters become rates; a restart and an old reading say nothing", () => {
  const rates = new CounterRates();
  const readings: [value: number, atMs: number, rate: number | undefined][] = [
    [10, 1000, undefined],
    [11, 3000, 0.5],
    [11, 3000, undefined],
    [99, 2000, undefined],
    [11, 4000, 0],
    // The container was started anew.
    [0.5, 5000, undefined],
    [1.5, 6000, 1],
  ];
  for (const [value, atMs, rate] of readings) expect(rates.read("p", value, atMs)?.perSecond).toBe(rate);
  expect(rates.read("p", 2.5, 8000)).toEqual({ perSecond: 0.5, overMs: 2000 });
  // A kubelet that was away for an hour: the mean of that hour is not of now.
  expect(rates.read("p", 3600, 3_608_000)).toBeUndefined();
  expect(rates.read("p", 3601, 3_609_000)?.perSecond).toBe(1);
  rates.retain(new Set());
  expect(rates.read("p", 3602, 3_610_000)).toBeUndefined();
});
