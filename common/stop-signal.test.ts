import { expect, test } from "vitest";
import { nextStopSignal } from "./stop-signal.ts";

test.each(["SIGTERM", "SIGINT"] as const)("%s settles it, and the next signal is nobody's", async (signal) => {
  const listening = () => process.listenerCount("SIGTERM") + process.listenerCount("SIGINT");
  const before = listening();
  const stopped = nextStopSignal();
  expect(listening()).toBe(before + 2);
  process.emit(signal, signal);
  expect(await stopped).toBe(signal);
  expect(listening()).toBe(before);
});
