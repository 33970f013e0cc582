import { expect, it } from "vitest";
import { chart } from "./chart.ts";
import { cores } from "./sample.ts";

it("draws each sample with the worst answer since the one before", () => {
  const text = chart(
    [
      { at: 3, wanted: 1, ready: 1, cores: 0.5, restarts: 0 },
      { at: 6, wanted: 4, ready: 2, cores: 1, restarts: 0 },
    ],
    [
      { path: "/load", at: 2, ms: 5000, failed: false },
      { path: "/health", at: 4, ms: 7.4, failed: false },
      { path: "/health", at: 5, ms: 3, failed: false },
      { path: "/health", at: 5, ms: 9000, failed: true },
    ],
  );
  expect(text.split("\n").slice(1)).toEqual([
    "    3    1/1 #####                 0.50 ##########               5.0          -",
    "    6    2/4 ##########            1.00 ####################       -          7",
  ]);
});

it("reads quantities of CPU", () => {
  expect(cores("487000000n")).toBeCloseTo(0.487);
  expect(cores("250m")).toBeCloseTo(0.25);
  expect(cores("12u")).toBeCloseTo(0.000012);
  expect(cores("2")).toBe(2);
  expect(() => cores("1Ki")).toThrow();
});
