import { expect, test } from "vitest";
import type { CpuSample, CpuSignal } from "./signal.ts";
import { smooth } from "./smoothing.ts";

const at = (atMs: number, utilisation: number, source: CpuSample["source"] = "agent"): CpuSample => ({
  source,
  utilisation,
  atMs,
  overMs: 100,
});

const first = (atMs: number, utilisation: number): CpuSignal => smooth(undefined, at(atMs, utilisation));

test("a step is followed by 63 % in one time constant, whatever the interval of the samples", () => {
  for (const intervalMs of [50, 100, 400]) {
    let sample = first(0, 0);
    for (let atMs = intervalMs; atMs <= 400; atMs += intervalMs) sample = smooth(sample, at(atMs, 1), 400);
    expect(sample.utilisation).toBeCloseTo(1 - Math.exp(-1), 6);
    expect(sample.latest).toBe(1);
  }
});

test("after a long silence the new figure is taken nearly as it is", () => {
  expect(smooth(first(0, 0), at(15_000, 0.8), 400).utilisation).toBeCloseTo(0.8, 6);
});

test("the first figure, and the first of another source, are taken as they are", () => {
  expect(first(0, 0.7)).toEqual({ ...at(0, 0.7), latest: 0.7 });
  expect(smooth(first(0, 0), at(100, 0.7, "kubelet"))).toEqual({ ...at(100, 0.7, "kubelet"), latest: 0.7 });
});
