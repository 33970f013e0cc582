import { describe, expect, it } from "vitest";
import { cpuShares, NOTHING } from "./wanted.ts";
import { Window } from "./window.ts";

const ms = (value: number) => value * 1e6;

describe("cpuShares", () => {
  it.each([
    ["idle", {}, 1, 0],
    ["half used", { usedNs: ms(50) }, 1, 0.5],
    ["starved to a quarter reads full", { usedNs: ms(25), waitedNs: ms(75) }, 1, 1],
    ["half a core, all used", { usedNs: ms(50) }, 0.5, 1],
    ["never above 1", { usedNs: ms(150), waitedNs: ms(900) }, 1, 1],
    ["throttled counts as wanted", { usedNs: ms(30), throttledNs: ms(70) }, 1, 1],
    [
      "throttling is not counted on top of the same waiting",
      { usedNs: ms(50), waitedNs: ms(100), throttledNs: ms(80) },
      2,
      0.75,
    ],
    ["one thread under pressure", { usedNs: ms(50), pressureNs: ms(50) }, 1, 1],
    ["one thread under pressure in a pod of four cores wants one", { usedNs: ms(50), pressureNs: ms(50) }, 4, 0.25],
    ["four threads that share each core with a neighbour", { usedNs: ms(200), pressureNs: ms(50) }, 4, 1],
    ["all starved", { usedNs: 0, pressureNs: ms(90) }, 1, 0.9],
  ])("%s", (_, reading, capacity, utilisation) => {
    expect(cpuShares({ ...NOTHING, ...reading }, capacity, ms(100)).utilisation).toBeCloseTo(utilisation, 9);
  });
});

describe("Window", () => {
  it("says nothing before a second look, and counts only what came after the first", () => {
    const window = new Window(200);
    window.add(0, { ...NOTHING, usedNs: ms(9000) });
    expect(window.shares(1)).toBeUndefined();
    window.add(100, { ...NOTHING, usedNs: ms(50) });
    expect(window.shares(1)?.used).toBeCloseTo(0.5);
  });

  it("shows a step in full after its span, with looks that come a little early or late", () => {
    const window = new Window(200);
    for (const [at, used] of [
      [0, 0],
      [99, 0],
      [201, 0],
      [299, 98],
      [400, 101],
    ] as const)
      window.add(at, { ...NOTHING, usedNs: ms(used) });
    expect(window.shares(1)?.used).toBeCloseTo(1);
  });

  it("spans what there is after a long gap", () => {
    const window = new Window(200);
    window.add(0, NOTHING);
    window.add(1000, { ...NOTHING, usedNs: ms(500) });
    expect(window.shares(1)?.used).toBeCloseTo(0.5);
  });
});
