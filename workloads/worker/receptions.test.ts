import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type Reception, Receptions } from "./receptions.ts";
import { Refusal } from "./refusal.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const LIMITS = { places: 2, slowestBytesPerS: 1000, timeoutMs: 60_000 };

function enter(receptions: Receptions): Reception {
  const reception = receptions.enter();
  if (reception === undefined) throw new Error("no place");
  return reception;
}

function reason({ signal }: Reception): string | undefined {
  if (!signal.aborted) return undefined;
  expect(signal.reason).toBeInstanceOf(Refusal);
  expect(signal.reason).toMatchObject({ status: 408, reason: "too-slow" });
  return (signal.reason as Refusal).message;
}

it("has so many places, and gives one that was left to the next", () => {
  const receptions = new Receptions(LIMITS);
  const first = enter(receptions);
  enter(receptions);
  expect(receptions.enter()).toBeUndefined();
  first.leave();
  first.leave();
  expect(receptions.size).toBe(1);
  expect(receptions.enter()).toBeDefined();
});

it("the slowest yields to a newcomer, but none that is new or fast", async () => {
  const receptions = new Receptions({ ...LIMITS, places: 3 });
  const [fast, slow, slower] = [enter(receptions), enter(receptions), enter(receptions)];
  fast.received(10 * 2 ** 20);
  slow.received(20_000);
  slower.received(10_000);
  expect(receptions.enter()).toBeUndefined();
  await vi.advanceTimersByTimeAsync(1000);
  enter(receptions);
  expect([fast, slow, slower].map(reason)).toEqual([
    undefined,
    undefined,
    "the upload came too slowly while others waited for its place",
  ]);
  enter(receptions);
  expect(reason(slow)).toBeDefined();
  // Those two are new, the third is fast.
  expect(receptions.enter()).toBeUndefined();
  expect(reason(fast)).toBeUndefined();
  expect(receptions.size).toBe(3);
});

it("ends one that comes more slowly than allowed, and leaves alone one that comes at the least rate", async () => {
  const receptions = new Receptions(LIMITS);
  const [trickling, steady] = [enter(receptions), enter(receptions)];
  for (let second = 0; second < 12; second++) {
    trickling.received(10);
    steady.received(1000);
    await vi.advanceTimersByTimeAsync(1000);
  }
  expect(reason(trickling)).toBe("the upload came too slowly: at least 1000 bytes a second are expected");
  expect(reason(steady)).toBeUndefined();
  expect(receptions.size).toBe(1);
});

it("ends one that takes too long in all, however fast it is", async () => {
  const receptions = new Receptions({ ...LIMITS, timeoutMs: 5000 });
  const endless = enter(receptions);
  for (let second = 0; second < 5; second++) {
    expect(reason(endless)).toBeUndefined();
    endless.received(1e6);
    await vi.advanceTimersByTimeAsync(1000);
  }
  expect(reason(endless)).toBe("the upload did not arrive within 5 s");
});

it("does not charge senders for time in which this process was held up", () => {
  const receptions = new Receptions(LIMITS);
  const sender = enter(receptions);
  vi.advanceTimersByTime(900);
  // The clock goes on by 30 s, and no timer runs in between.
  const now = performance.now();
  vi.spyOn(performance, "now").mockImplementation(() => now + 30_000);
  vi.advanceTimersByTime(100);
  vi.restoreAllMocks();
  expect(reason(sender)).toBeUndefined();
});

it("keeps no timer when nothing arrives", () => {
  const receptions = new Receptions(LIMITS);
  const reception = enter(receptions);
  expect(vi.getTimerCount()).toBe(1);
  reception.leave();
  expect(vi.getTimerCount()).toBe(0);
});
