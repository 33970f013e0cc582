import { expect, it } from "vitest";
import { machineStat } from "./machine-stat.ts";

it("is /proc/stat of a machine that did what was used, and was idle the rest of the time", () => {
  // 30 s of CPU on two cores that are up for 100 s.
  expect(machineStat(30, 100, 2)).toBe(
    "cpu  3000 0 0 17000 0 0 0 0 0 0\ncpu0 1500 0 0 8500 0 0 0 0 0 0\ncpu1 1500 0 0 8500 0 0 0 0 0 0\n",
  );
});

it("is never idle for less than no time", () => {
  expect(machineStat(10, 9, 1)).toBe("cpu  1000 0 0 0 0 0 0 0 0 0\ncpu0 1000 0 0 0 0 0 0 0 0 0\n");
});
