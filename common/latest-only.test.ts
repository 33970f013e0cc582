import { expect, test } from "vitest";
import { latestOnly } from "./latest-only.ts";

/** Work whose runs end when the test says so. */
function heldWork() {
  const ends: (() => void)[] = [];
  return { ends, work: () => new Promise<void>((resolve) => void ends.push(resolve)) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("one run at a time; whatever is asked for meanwhile is one more", async () => {
  const { ends, work } = heldWork();
  const ask = latestOnly(work, new AbortController().signal);
  ask();
  ask();
  ask();
  expect(ends).toHaveLength(1);
  ends[0]?.();
  await turn();
  expect(ends).toHaveLength(2);
  ends[1]?.();
  await turn();
  expect(ends).toHaveLength(2);
  ask();
  expect(ends).toHaveLength(3);
});

test("after the signal none begins", async () => {
  const closing = new AbortController();
  const { ends, work } = heldWork();
  const ask = latestOnly(work, closing.signal);
  ask();
  ask();
  closing.abort();
  ends[0]?.();
  await turn();
  ask();
  expect(ends).toHaveLength(1);
});
