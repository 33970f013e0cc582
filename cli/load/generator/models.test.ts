import { expect, test } from "vitest";
import { type Clock, dueBy, type Model, plannedRequests, runModel } from "./models.ts";

const OPEN = { kind: "open", perSecond: 10, durationMs: 2000, mostAtOnce: 4 } as const;
const never = new AbortController().signal;

/** A clock that jumps when it is slept by; each sleep lasts `slow` times as long as asked. */
function jumping(slow = 1): Clock & { atMs: number } {
  const clock = {
    atMs: 0,
    now: () => clock.atMs,
    async sleep(ms: number) {
      clock.atMs += ms * slow;
    },
  };
  return clock;
}

/** Runs a model whose requests are answered at once. */
async function sentAt(model: Model, clock: Clock): Promise<number[]> {
  const times: number[] = [];
  await runModel(model, { send: async () => void times.push(clock.now()), skip: () => expect.fail() }, never, clock);
  return times;
}

test("the closed model sends each request once, never more at once than it may", async () => {
  const sent: number[] = [];
  let atOnce = 0;
  let most = 0;
  const send = async (index: number) => {
    sent.push(index);
    atOnce += 1;
    most = Math.max(most, atOnce);
    await new Promise((resolve) => setImmediate(resolve));
    atOnce -= 1;
  };
  await runModel({ kind: "closed", total: 50, concurrent: 7 }, { send, skip: () => expect.fail() }, never);
  expect(sent).toEqual(Array.from({ length: 50 }, (_, index) => index));
  expect(most).toBe(7);
});

test("the open model sends at its rate, and lasts its time", async () => {
  const clock = jumping();
  expect(await sentAt(OPEN, clock)).toEqual(Array.from({ length: 20 }, (_, index) => index * 100));
  expect(clock.atMs).toBe(2000);
});

test("an open model that comes late sends all that is due", async () => {
  const times = await sentAt(OPEN, jumping(2.5));
  expect(times).toHaveLength(20);
  expect(times.every((time, index) => time >= index * 100)).toBe(true);
  // Some went together.
  expect(new Set(times).size).toBeLessThan(20);
});

test("what is due while too many are under way is skipped, and sending goes on when there is room", async () => {
  const clock = jumping();
  const sent: number[] = [];
  const skipped: number[] = [];
  const waiting: (() => void)[] = [];
  const send = (index: number) => {
    sent.push(index);
    return new Promise<void>((resolve) => void waiting.push(resolve));
  };
  const skip = (index: number) => {
    skipped.push(index);
    // From the middle on, answers come.
    if (index >= 10) for (const answer of waiting.splice(0)) answer();
  };
  const run = runModel(OPEN, { send, skip }, never, clock);
  while (sent.length + skipped.length < plannedRequests(OPEN)) await new Promise((resolve) => setImmediate(resolve));
  for (const answer of waiting.splice(0)) answer();
  await run;
  expect(sent).toEqual([0, 1, 2, 3, 11, 12, 13, 14, 16, 17, 18, 19]);
  expect(skipped).toEqual([4, 5, 6, 7, 8, 9, 10, 15]);
});

test("an abort sends no more", async () => {
  for (const model of [OPEN, { kind: "closed", total: 20, concurrent: 1 } as const]) {
    const controller = new AbortController();
    let sent = 0;
    const send = async () => {
      sent += 1;
      if (sent === 3) controller.abort();
    };
    await runModel(model, { send, skip: () => expect.fail() }, controller.signal, jumping());
    expect(sent).toBe(3);
  }
});

test("a request is due when its time comes, and none after the last", () => {
  expect([0, 99, 100, 250, 1999, 5000].map((ms) => dueBy(ms, OPEN))).toEqual([1, 1, 2, 3, 20, 20]);
});
