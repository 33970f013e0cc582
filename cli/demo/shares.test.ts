import { describe, expect, test } from "vitest";
import type { WorkerView } from "./observe.ts";
import { Shares } from "./shares.ts";

const worker = (name: string, requests: number): WorkerView => ({
  ...{ name, key: name, cpu: undefined, cpuAgeMs: undefined, weight: undefined, weightShare: undefined, inFlight: 0 },
  requests,
});

describe("Shares", () => {
  const shares = new Shares();
  shares.add(0, [worker("a", 10), worker("b", 10)]);
  shares.add(100, [worker("a", 13), worker("b", 11)]);
  shares.add(200, [worker("a", 13), worker("b", 21)]);

  test("tells the shares between the looks nearest to two moments", () => {
    expect(shares.between(0, 150)).toEqual({
      shares: new Map([
        ["a", 0.75],
        ["b", 0.25],
      ]),
      requests: 4,
    });
    expect(shares.between(120, 500).shares.get("b")).toBe(1);
  });

  test("a time without requests gives 0 for all", () => {
    expect(shares.between(250, 300)).toEqual({
      shares: new Map([
        ["a", 0],
        ["b", 0],
      ]),
      requests: 0,
    });
  });
});
