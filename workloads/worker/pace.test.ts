import { expect, it } from "vitest";
import { Pace } from "./pace.ts";

/** How many seconds a sender lasts, at most 60. */
function lasts(pace: Pace, bytesIn: (second: number) => number): number {
  for (let second = 0; second < 60; second++) {
    pace.received(bytesIn(second));
    if (!pace.pass(1000)) return second;
  }
  return 60;
}

it.each<[string, (second: number) => number, number]>([
  ["nothing", () => 0, 10],
  ["half the rate", () => 500, 19],
  ["the rate", () => 1000, 60],
  ["a pause of 9 s now and then", (second) => (second % 10 === 0 ? 10_000 : 0), 60],
  ["all at once and then nothing", (second) => (second === 0 ? 1e9 : 0), 10],
  ["a byte a second", () => 1, 10],
])("judges %s", (_, bytesIn, seconds) => {
  expect(lasts(new Pace(1000), bytesIn)).toBe(seconds);
});
