import { expect, it } from "vitest";
import { chiSquare, pValue } from "./uniform.ts";

it("knows an even draw from a loaded one", () => {
  expect(chiSquare([10, 10, 10, 10, 10])).toBe(0);
  expect(chiSquare([8, 12])).toBeCloseTo(0.8, 12);
});

it("has the tabulated tails of four degrees of freedom", () => {
  expect(pValue(9.488, 5)).toBeCloseTo(0.05, 4);
  expect(pValue(13.277, 5)).toBeCloseTo(0.01, 4);
  expect(pValue(0, 5)).toBe(1);
});
