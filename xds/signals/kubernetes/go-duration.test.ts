import { expect, test } from "vitest";
import { goDurationMs } from "./go-duration.ts";

test("durations as Go writes them are read in ms; what is none is no number", () => {
  expect(["15.5s", "1m0s", "500ms", "1h2m3s"].map(goDurationMs)).toEqual([15_500, 60_000, 500, 3_723_000]);
  expect(["", "15", "s", undefined].map(goDurationMs)).toEqual(Array(4).fill(Number.NaN));
});
