import { expect, test } from "vitest";
import { Tally } from "./tally.ts";

test("counts successes, failures and statuses, and times successes only", () => {
  const tally = new Tally(new Set([200]));
  for (let ms = 1; ms <= 100; ms += 1) expect(tally.record({ status: 200, text: "", latencyMs: ms })).toBe(true);
  for (const status of [503, 503, 0, 299]) expect(tally.record({ status, text: "", latencyMs: 90_000 })).toBe(false);
  tally.countNotSent();
  const figures = tally.figures(2000);
  expect(figures).toMatchObject({
    totalRequests: 104,
    successful: 100,
    failed: 4,
    notSent: 1,
    totalTimeSeconds: 2,
    throughputPerSecond: 52,
    statuses: { 200: 100, 503: 2, none: 1, other: 1 },
  });
  // Three digits are kept.
  const { p50, p95, p99 } = figures.latencyMs ?? expect.fail();
  for (const [got, wanted] of [
    [p50, 50],
    [p95, 95],
    [p99, 99],
  ] as const)
    expect(Math.abs(got / wanted - 1)).toBeLessThan(0.002);
});

test("says nothing of latency when nothing succeeded, nor of throughput when no time passed", () => {
  const tally = new Tally(new Set([200]));
  tally.record({ status: 500, text: "", latencyMs: 1 });
  expect(tally.figures(0)).toMatchObject({ latencyMs: null, throughputPerSecond: 0, failed: 1 });
});

test("a latency too short or too long to be told apart is counted all the same", () => {
  const tally = new Tally(new Set([204]));
  tally.record({ status: 204, text: "", latencyMs: 0 });
  tally.record({ status: 204, text: "", latencyMs: 3 * 24 * 3_600_000 });
  expect(tally.figures(1000).successful).toBe(2);
});
