import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Measurement, type Outcome } from "./measurement.ts";
import type { Meter } from "./meter.ts";
import { NOTHING } from "./wanted.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

/** A target that uses `used` of one core. */
function fakeTarget() {
  const state = { used: 0, there: true, looks: 0, lastMs: 0, gone: 0 };
  const meter: Meter = {
    look(nowMs) {
      state.looks++;
      const elapsed = nowMs - state.lastMs;
      state.lastMs = nowMs;
      return state.there ? { ...NOTHING, usedNs: state.used * elapsed * 1e6 } : undefined;
    },
    capacity: () => 1,
    memory: () => 0.25,
    alive: () => state.there,
    close: () => undefined,
  };
  const measurement = new Measurement({
    open: () => (state.there ? { kind: "meter", meter } : { kind: "absent", reason: "not there" }),
    cpus: undefined,
    intervalMs: 100,
    nowMs: () => performance.now(),
    onGone: () => state.gone++,
  });
  return { state, measurement };
}

const collect = (measurement: Measurement, intervalMs?: number) => {
  const outcomes: Outcome[] = [];
  const stop = measurement.listen((outcome) => outcomes.push(outcome), intervalMs);
  const utilisation = () => {
    const last = outcomes.at(-1);
    return last?.kind === "figures" ? last.figures.utilisation : undefined;
  };
  return { outcomes, stop, utilisation };
};

it("looks at nothing while nobody listens", async () => {
  const { state, measurement } = fakeTarget();
  measurement.start();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(state.looks).toBe(0);
  measurement.stop();
});

it("shows a step in full at the second look after it", async () => {
  const { state, measurement } = fakeTarget();
  measurement.start();
  const listener = collect(measurement);
  await vi.advanceTimersByTimeAsync(1000);
  expect(listener.utilisation()).toBe(0);
  state.used = 1;
  await vi.advanceTimersByTimeAsync(200);
  expect(listener.utilisation()).toBeCloseTo(1);
  measurement.stop();
});

it("shares the looks among its listeners, and stops with the last", async () => {
  const { state, measurement } = fakeTarget();
  measurement.start();
  const listeners = [collect(measurement), collect(measurement), collect(measurement)];
  await vi.advanceTimersByTimeAsync(1000);
  expect(state.looks).toBeGreaterThanOrEqual(9);
  expect(state.looks).toBeLessThanOrEqual(11);
  for (const listener of listeners) listener.stop();
  const before = state.looks;
  await vi.advanceTimersByTimeAsync(5000);
  expect(state.looks - before).toBeLessThanOrEqual(1);
  measurement.stop();
});

it("looks as often as the most eager listener wants", async () => {
  const { state, measurement } = fakeTarget();
  measurement.start();
  collect(measurement);
  collect(measurement, 50);
  await vi.advanceTimersByTimeAsync(1000);
  expect(state.looks).toBeGreaterThanOrEqual(18);
  measurement.stop();
});

it("answers one question with the figures of a whole interval", async () => {
  const { state, measurement } = fakeTarget();
  state.used = 0.5;
  measurement.start();
  await vi.advanceTimersByTimeAsync(3000);
  const answer = measurement.once();
  await vi.advanceTimersByTimeAsync(300);
  const outcome = await answer;
  expect(outcome.kind === "figures" && outcome.figures).toMatchObject({ memory: 0.25, capacity: 1 });
  expect(outcome.kind === "figures" && outcome.figures.utilisation).toBeCloseTo(0.5);
  measurement.stop();
});

it("tells listeners when the target has gone, and finds it again", async () => {
  const { state, measurement } = fakeTarget();
  const presence: boolean[] = [];
  measurement.onPresence((present) => presence.push(present));
  measurement.start();
  const listener = collect(measurement);
  await vi.advanceTimersByTimeAsync(500);
  state.there = false;
  await vi.advanceTimersByTimeAsync(100);
  expect(listener.outcomes.at(-1)).toMatchObject({ kind: "absent" });
  expect(state.gone).toBe(1);
  listener.stop();
  state.there = true;
  await vi.advanceTimersByTimeAsync(2100);
  expect(measurement.present).toBe(true);
  expect(presence).toEqual([true, false, true]);
  state.there = false;
  await vi.advanceTimersByTimeAsync(2100);
  expect(state.gone).toBe(2);
  measurement.stop();
});
