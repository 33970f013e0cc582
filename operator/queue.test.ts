import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { type Reconcile, WorkQueue } from "./queue.ts";

function queueOf(reconcile: Reconcile, workers = 2) {
  const errors: [string, number][] = [];
  const queue = new WorkQueue({
    reconcile,
    workers,
    backoff: { baseMs: 4, maxMs: 40 },
    onError: (key, _, retryMs) => errors.push([key, retryMs]),
  });
  return { queue, errors };
}

test("a key that is added many times is looked at once, and never twice at the same time", async () => {
  let running = 0;
  const seen: string[] = [];
  const gates: PromiseWithResolvers<void>[] = [];
  const { queue } = queueOf(async (key) => {
    running += 1;
    expect(running).toBe(1);
    seen.push(key);
    const gate = Promise.withResolvers<void>();
    gates.push(gate);
    await gate.promise;
    running -= 1;
    return undefined;
  });
  for (let count = 0; count < 5; count += 1) queue.add("a");
  expect(seen).toEqual(["a"]);
  // What comes while it is worked on may not have been seen.
  expect(queue.depth).toBe(1);
  gates[0]?.resolve();
  await vi.waitFor(() => expect(seen).toEqual(["a", "a"]));
  expect(queue.depth).toBe(0);
  gates[1]?.resolve();
  await queue.stop();
});

test("as many keys at once as there are workers, in the order in which they came", async () => {
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const { queue } = queueOf(async (key) => {
    gates.set(key, Promise.withResolvers<void>());
    await gates.get(key)?.promise;
    return undefined;
  });
  for (const key of ["a", "b", "c", "d"]) queue.add(key);
  expect([...gates.keys()]).toEqual(["a", "b"]);
  gates.get("b")?.resolve();
  await vi.waitFor(() => expect([...gates.keys()]).toEqual(["a", "b", "c"]));
  const stopped = queue.stop();
  gates.get("a")?.resolve();
  gates.get("c")?.resolve();
  await stopped;
  // What waited is dropped.
  expect([...gates.keys()]).toEqual(["a", "b", "c"]);
});

test("a failure is tried again, later each time, until it succeeds", async () => {
  let attempts = 0;
  const { queue, errors } = queueOf(async () => {
    attempts += 1;
    if (attempts < 5) throw new Error("not yet");
    return undefined;
  });
  queue.add("a");
  await vi.waitFor(() => expect(attempts).toBe(5), { timeout: 20_000 });
  await sleep(50);
  expect(attempts).toBe(5);
  expect(errors.map(([key]) => key)).toEqual(["a", "a", "a", "a"]);
  // Half of each wait is random: the bounds of the second double those of the first.
  errors.forEach(([, retryMs], index) => {
    expect(retryMs).toBeGreaterThanOrEqual(2 * 2 ** index);
    expect(retryMs).toBeLessThanOrEqual(4 * 2 ** index);
  });
  await queue.stop();
});

test("a key is looked at again when its reconcile asks for it", async () => {
  let times = 0;
  const { queue } = queueOf(async () => {
    times += 1;
    return times < 3 ? 1 : undefined;
  });
  queue.add("a");
  await vi.waitFor(() => expect(times).toBe(3), { timeout: 20_000 });
  await queue.stop();
  queue.add("a");
  await sleep(20);
  expect(times).toBe(3);
});
