import { expect, it } from "vitest";
import { NodeCpu } from "./node-cpu.ts";

const MAX_AGE = 60_000;
const second = { source: "agent", overMs: 1000 } as const;

it("tells the average of the last 30 s, and how old it is", () => {
  const cpu = new NodeCpu();
  for (let at = 1; at <= 60; at += 1) cpu.record("a", { ...second, utilisation: at <= 45 ? 0 : 1, atMs: at * 1000 });
  // 15 busy seconds of 30.
  expect(cpu.get("a", 60_500, MAX_AGE)).toEqual({ source: "agent", utilisation: 0.5, ageMs: 500 });
});

it("takes a figure that covers the window by itself, and of longer ones what is newest", () => {
  const cpu = new NodeCpu();
  const figure = (source: "prometheus" | "metrics-api", utilisation: number, atMs: number, overMs: number) =>
    cpu.record(source, { source, utilisation, atMs, overMs });
  figure("prometheus", 0.1, 1000, 30_000);
  figure("prometheus", 0.9, 6000, 30_000);
  expect(cpu.get("prometheus", 6000, MAX_AGE)?.utilisation).toBe(0.9);
  figure("metrics-api", 0, 15_000, 20_000);
  figure("metrics-api", 0.9, 30_000, 20_000);
  expect(cpu.get("metrics-api", 30_000, MAX_AGE)?.utilisation).toBeCloseTo(0.6);
});

it("knows nothing until half of the window is covered", () => {
  const cpu = new NodeCpu();
  for (let at = 1; at <= 14; at += 1) cpu.record("a", { ...second, utilisation: 0, atMs: at * 1000 });
  expect(cpu.get("a", 14_000, MAX_AGE)).toBeUndefined();
  cpu.record("a", { ...second, utilisation: 0, atMs: 15_000 });
  expect(cpu.get("a", 15_000, MAX_AGE)?.utilisation).toBe(0);
  expect(cpu.get("b", 15_000, MAX_AGE)).toBeUndefined();
});

it("drops what makes no sense, and a figure that was read before", () => {
  const cpu = new NodeCpu();
  const sample = { source: "metrics-api", utilisation: 0.5, atMs: 1000, overMs: 15_000 } as const;
  for (const wrong of [{ utilisation: Number.NaN }, { utilisation: -1 }, { atMs: Number.NaN }, { overMs: 0 }])
    cpu.record("a", { ...sample, ...wrong });
  expect(cpu.get("a", 1000, MAX_AGE)).toBeUndefined();
  cpu.record("a", sample);
  cpu.record("a", { ...sample, utilisation: 1 });
  expect(cpu.get("a", 1000, MAX_AGE)?.utilisation).toBe(0.5);
});

it("prefers the agent while it tells, then what is newest", () => {
  const cpu = new NodeCpu();
  const sample = { utilisation: 0.1, atMs: 0, overMs: 30_000 };
  cpu.record("a", { ...sample, source: "agent" });
  cpu.record("a", { ...sample, source: "metrics-api", atMs: 10_000 });
  cpu.record("a", { ...sample, source: "prometheus", atMs: 5000 });
  expect(cpu.get("a", 10_000, MAX_AGE)?.source).toBe("agent");
  expect(cpu.get("a", 61_000, MAX_AGE)?.source).toBe("metrics-api");
  // All too old: the newest, so that its age can be told.
  expect(cpu.get("a", 200_000, MAX_AGE)).toMatchObject({ source: "metrics-api", ageMs: 190_000 });
  cpu.retain(new Set());
  expect(cpu.get("a", 10_000, MAX_AGE)).toBeUndefined();
});
