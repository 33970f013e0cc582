import { expect, it } from "vitest";
import { appChart, figure } from "./app-chart.ts";
import { cores } from "./app-sample.ts";

it("draws each sample with what happened since the one before", () => {
  const answers = [
    { at: 2, ms: 50 },
    { at: 4, ms: 7.4 },
    { at: 5, ms: 3 },
  ];
  const slowest = (from: number, to: number) =>
    figure(
      answers.filter(({ at }) => at > from && at <= to).map(({ ms }) => ms),
      (values) => Math.max(...values),
    );
  const text = appChart(
    [
      { at: 3, wanted: 1, ready: 1, ending: 0, cores: 0.5, restarts: 0 },
      { at: 6, wanted: 4, ready: 2, ending: 0, cores: 1, restarts: 0 },
      { at: 9, wanted: 4, ready: 4, ending: 0, cores: 0, restarts: 0 },
    ],
    [{ title: "slowest ms", text: slowest }],
  );
  expect(text.split("\n").slice(1)).toEqual([
    "    3    1/1 #####                 0.50 ##########                   50",
    "    6    2/4 ##########            1.00 ####################          7",
    "    9    4/4 ####################  0.00                               -",
  ]);
});

it("reads quantities of CPU", () => {
  expect(cores("487000000n")).toBeCloseTo(0.487);
  expect(cores("250m")).toBeCloseTo(0.25);
  expect(cores("12u")).toBeCloseTo(0.000012);
  expect(cores("2")).toBe(2);
  expect(() => cores("1Ki")).toThrow();
});
