import { expect, test } from "vitest";
import { figuresThatMustAgree } from "./agreement.ts";
import { TUNING } from "./tuning.ts";

const tuning = { ...TUNING, agreeMs: 25_000 };

/** Figures that end at these times, in s, newest first. */
const figures = (overS: number, ...atS: number[]) =>
  atS.map((at) => ({ utilisation: 1, atMs: at * 1000, overMs: overS * 1000, requestsPerSecond: undefined }));

test.each([
  ["one mean over a minute is enough", figures(60, 100, 95), 1],
  ["two over 15 s, and the third is of no interest", figures(15, 100, 85, 70), 2],
  ["three over 10 s", figures(10, 100, 90, 80, 70), 3],
  ["means that overlap count for what they cover", figures(15, 100, 95, 90, 85), 3],
  ["a figure that was missed leaves a gap", figures(15, 100, 70), 2],
  ["one over 15 s is not", figures(15, 100), undefined],
  ["none is not", [], undefined],
])("%s", (_, told, count) => {
  expect(figuresThatMustAgree(told, tuning)?.length).toBe(count);
});
