import { expect, test } from "vitest";
import { faults, type Outcome } from "./scenario.ts";

const good: Outcome = {
  busy: "worker-1",
  uploads: 100,
  failed: [],
  latenciesMs: [80],
  baselineShare: 0.2,
  fairShare: 0.25,
  busyShare: 0.02,
  returnedShare: 0.24,
  fellAfterMs: 300,
  returnedAfterMs: 6000,
};
const failure = { startedMs: 0, latencyMs: 1, status: 503, body: '{"detail":"no worker"}', ok: false };

test("a good outcome has no fault", () => {
  expect(faults(good)).toEqual([]);
});

test.each<[string, Partial<Outcome>]>([
  ["no upload was answered", { uploads: 0 }],
  ["1 uploads failed; the first: HTTP 503", { failed: [failure] }],
  ["did not fall by half", { fellAfterMs: undefined }],
  ["did not fall by half", { fellAfterMs: 1001 }],
  ["is not half of", { busyShare: 0.13 }],
  ["is not half of", { baselineShare: Number.NaN }],
  ["did not return", { returnedAfterMs: undefined }],
])("%s", (text, change) => {
  expect(faults({ ...good, ...change })).toEqual([expect.stringContaining(text)]);
});
