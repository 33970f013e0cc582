import { expect, test } from "vitest";
import { cpuCores } from "./quantity.ts";

test.each([
  ["2", 2],
  ["1.5", 1.5],
  [".5", 0.5],
  ["250m", 0.25],
  ["123456789n", 0.123456789],
  ["1500u", 0.0015],
  ["1k", 1000],
  ["1e3m", 1],
  ["0", 0],
])("%s is %d cores", (text, cores) => {
  expect(cpuCores(text)).toBeCloseTo(cores, 12);
});

test.each([undefined, "", "-1", "x", "1Gi", "NaN", "1 m", "m"])("%s is none", (text) => {
  expect(cpuCores(text)).toBeUndefined();
});
