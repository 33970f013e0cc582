import { expect, it } from "vitest";
import { NOTHING } from "../../../sidecar/agent/wanted.ts";
import { addReading, machineStat } from "./machine-stat.ts";

const START = { user: 1, steal: 0, idle: 99 };

it("what was used is user time, what was waited for is stolen, the rest is idle", () => {
  // Of 10 s on two cores, 5 s of CPU were used and 10 s waited for.
  const times = addReading(START, { ...NOTHING, usedNs: 5e9, waitedNs: 10e9 }, 2, 10e9);
  expect(times).toEqual({ user: 3.5, steal: 5, idle: 101.5 });
});

it("no more than all cores are busy, however many threads wait", () => {
  const { user, steal, idle } = addReading(START, { ...NOTHING, usedNs: 8e9, waitedNs: 90e9 }, 1, 10e9);
  expect([user, steal, idle].map((seconds) => Math.round(seconds * 1000))).toEqual([9000, 2000, 99_000]);
});

it("is /proc/stat: all cores together, then each", () => {
  expect(machineStat({ user: 15, steal: 5, idle: 80 }, 2)).toBe(
    "cpu  3000 0 0 16000 0 0 0 1000 0 0\ncpu0 1500 0 0 8000 0 0 0 500 0 0\ncpu1 1500 0 0 8000 0 0 0 500 0 0\n",
  );
});
