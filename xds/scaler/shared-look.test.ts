import { expect, it } from "vitest";
import { SharedLook } from "./shared-look.ts";

function counted(look: (signal: AbortSignal) => Promise<number>, deadlineMs = 60_000) {
  const state = { nowMs: 0, looks: 0 };
  const shared = new SharedLook({
    what: "the figure",
    keepMs: 1000,
    deadlineMs,
    nowMs: () => state.nowMs,
    look: (signal) => {
      state.looks += 1;
      return look(signal);
    },
  });
  return { state, shared };
}

it("one look serves all who ask at once and shortly after", async () => {
  const { state, shared } = counted(async () => state.looks);
  expect(await Promise.all([shared.get(), shared.get(), shared.get()])).toEqual([1, 1, 1]);
  state.nowMs = 999;
  expect(await shared.get()).toBe(1);
  state.nowMs = 1000;
  expect(await shared.get()).toBe(2);
  shared.forget();
  expect(await shared.get()).toBe(3);
});

it("a failure is shared as well, and then tried again", async () => {
  const { state, shared } = counted(async () => {
    throw new Error(`failure ${state.looks}`);
  });
  await expect(shared.get()).rejects.toThrow("failure 1");
  await expect(shared.get()).rejects.toThrow("failure 1");
  state.nowMs = 2000;
  await expect(shared.get()).rejects.toThrow("failure 2");
});

it("a look that does not end is given up at its deadline, and told to stop", async () => {
  let stopped = false;
  const { shared } = counted((signal) => {
    signal.addEventListener("abort", () => {
      stopped = true;
    });
    return new Promise(() => undefined);
  }, 20);
  await expect(shared.get()).rejects.toThrow(
    expect.objectContaining({ code: "EK_TIMEOUT", message: "the figure did not come within 20 ms" }),
  );
  expect(stopped).toBe(true);
});
