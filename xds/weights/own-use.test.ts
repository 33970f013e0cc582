import { expect, test } from "vitest";
import { estimateOwnUse } from "./own-use.ts";

const one = (utilisation: number | undefined, requestsPerSecond?: number) => ({
  utilisation,
  confidence: utilisation === undefined ? 0 : 1,
  load: requestsPerSecond === undefined ? undefined : { inFlight: 0, requestsPerSecond, errorsPerSecond: 0, atMs: 0 },
});

test("own use is the rate times the cost of a request, as most of the fleet shows it", () => {
  // 1 ms of CPU a request; the last one has 0.5 of outside work.
  const own = estimateOwnUse([one(0.4, 400), one(0.4, 400), one(0.4, 400), one(0.9, 400)]);
  for (const share of own ?? []) expect(share).toBeCloseTo(0.4, 5);
});

test("a few requests say little about one worker's share", () => {
  const few = estimateOwnUse([one(0.5, 1), one(0.5, 0.1)]) as number[];
  expect((few[0] as number) / (few[1] as number)).toBeLessThan(1.5);
  const many = estimateOwnUse([one(0.5, 1000), one(0.5, 100)]) as number[];
  expect((many[0] as number) / (many[1] as number)).toBeGreaterThan(8);
});

test("an endpoint without a report is taken to serve as many as the mean", () => {
  const own = estimateOwnUse([one(0.4, 400), one(0.4, 400), one(0.2)]) as number[];
  expect(own[2]).toBeCloseTo(0.4, 5);
});

test.each([
  ["no reports", [one(0.4), one(0.5)]],
  ["no requests", [one(0.4, 0), one(0.5, 0)]],
  ["no CPU", [one(undefined, 10), one(undefined, 10)]],
])("with %s it is unknown", (_, endpoints) => {
  expect(estimateOwnUse(endpoints)).toBeUndefined();
});
