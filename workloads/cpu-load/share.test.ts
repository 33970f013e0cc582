import { expect, it } from "vitest";
import { Share } from "./share.ts";

/** A clock that each look moves on. */
function clock(stepMs: number): () => number {
  let now = 0;
  return () => {
    now += stepMs;
    return now;
  };
}

function runAll(share: Share) {
  const done = [];
  while (!share.isIdle) done.push(...share.turn(2));
  return done;
}

it("a burn lasts its time and not much longer", () => {
  const share = new Share(clock(0.1));
  share.start(1, 50);
  const [done] = runAll(share);
  expect(done?.id).toBe(1);
  expect(done?.durationMs).toBeGreaterThanOrEqual(50);
  expect(done?.durationMs).toBeLessThan(51);
  expect(done?.result).toBeGreaterThan(0);
});

it("burns at once last as long, and each gets its part of the thread", () => {
  const alone = new Share(clock(0.1));
  alone.start(1, 200);
  const [single] = runAll(alone);
  const share = new Share(clock(0.1));
  for (const id of [1, 2, 3, 4]) share.start(id, 200);
  const all = runAll(share);
  expect(all.map((done) => done.id).sort()).toEqual([1, 2, 3, 4]);
  for (const done of all) {
    expect(done.durationMs).toBeLessThan(220);
    // The sum of square roots up to n grows as n^1.5: a quarter of the work is an eighth of the sum.
    const part = done.result / (single?.result ?? 0);
    expect(part).toBeGreaterThan(1 / 16);
    expect(part).toBeLessThan(1 / 5);
  }
});

it("a stopped burn leaves the thread to the others, and an unknown one is no fault", () => {
  const share = new Share(clock(0.1));
  share.start(1, 1000);
  share.start(2, 10);
  share.stop(1);
  share.stop(7);
  expect(runAll(share).map((done) => done.id)).toEqual([2]);
});
