import { expect, test } from "vitest";
import { estimateOwnUse, type OwnUse, type OwnUseInput } from "./own-use.ts";

const NO_LOAD = { inFlight: 0, requestsPerSecond: 0, errorsPerSecond: 0, busyMs: 0, atMs: 0 };

const one = (utilisation: number | undefined, requestsPerSecond?: number) => ({
  utilisation,
  confidence: utilisation === undefined ? 0 : 1,
  load: requestsPerSecond === undefined ? undefined : { ...NO_LOAD, requestsPerSecond },
  rateOverS: 1,
});

const estimate = (endpoints: readonly OwnUseInput[]) => estimateOwnUse(endpoints, true) as OwnUse;

test("own use is the rate times the cost of a request, as most of the fleet shows it", () => {
  // 1 ms of CPU a request; the last one has 0.5 of outside work.
  const own = estimate([one(0.4, 400), one(0.4, 400), one(0.4, 400), one(0.9, 400)]);
  for (const share of own.shares) expect(share).toBeCloseTo(0.4, 5);
  expect(own.leastCostMs).toBeCloseTo(1, 5);
});

test("what requests cost at least is told from outside work, even when that is on half of the fleet", () => {
  expect(estimate([one(0.04, 40), one(0.04, 40), one(0.4, 40), one(1, 40)]).leastCostMs).toBeCloseTo(1, 5);
});

test("a few requests do not tell what one costs at least", () => {
  expect(estimate([one(0.4, 1), one(0.01, 2)]).leastCostMs).toBeUndefined();
});

test("a few requests say little about one worker's share", () => {
  const few = estimate([one(0.5, 1), one(0.5, 0.1)]).shares;
  expect((few[0] as number) / (few[1] as number)).toBeLessThan(1.5);
  const many = estimate([one(0.5, 1000), one(0.5, 100)]).shares;
  expect((many[0] as number) / (many[1] as number)).toBeGreaterThan(8);
});

test("of a few requests, the cost of a worker with outside work does not pass for our own use", () => {
  // Of this second only the busy one had a request.
  const own = estimate([one(1, 1), one(0.1, 0), one(0)]).shares;
  expect(own).toEqual([0.3, 0.3, 0.3]);
  // Small ones count as they are.
  expect(estimate([one(0.1, 1), one(0.1, 1)]).shares[0]).toBeCloseTo(0.1, 5);
});

test("an endpoint without a report is taken to serve as many as the mean", () => {
  const own = estimate([one(0.4, 400), one(0.4, 400), one(0.2)]);
  expect(own.shares[2]).toBeCloseTo(0.4, 5);
});

test.each([
  ["no reports", [one(0.4), one(0.5)]],
  ["no requests", [one(0.4, 0), one(0.5, 0)]],
  ["no CPU", [one(undefined, 10), one(undefined, 10)]],
])("with %s it is unknown", (_, endpoints) => {
  expect(estimateOwnUse(endpoints, false)).toBeUndefined();
});

test("when all proxies report and none has requests, it is none", () => {
  expect(estimateOwnUse([one(0.4), one(0.9, 0)], true)).toEqual({ shares: [0, 0], leastCostMs: 0 });
  const running = { ...one(0.9, 0), load: { ...NO_LOAD, inFlight: 1 } };
  expect(estimateOwnUse([one(0.4), running], true)).toBeUndefined();
});
