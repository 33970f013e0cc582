import { expect, onTestFinished, test, vi } from "vitest";
import { onInterrupt } from "./interrupt.ts";

const NAMES = ["SIGINT", "SIGTERM"] as const;

/** Stands in for the process's end and for the clock; takes away what the test has left listening. */
function watched() {
  const exit = vi.spyOn(process, "exit").mockReturnValue(undefined as never);
  vi.useFakeTimers({ toFake: ["performance"] });
  const before = NAMES.map((name) => process.listeners(name));
  onTestFinished(() => {
    vi.useRealTimers();
    exit.mockRestore();
    for (const [index, name] of NAMES.entries())
      for (const listener of process.listeners(name))
        if (!before[index]?.includes(listener)) process.off(name, listener);
  });
  return exit;
}

test.each(NAMES)("%s aborts, again at once is the same press, and later ends the process", (name) => {
  const exit = watched();
  const { signal } = onInterrupt();
  process.emit(name, name);
  expect(signal.aborted).toBe(true);
  vi.advanceTimersByTime(499);
  process.emit(name, name);
  expect(exit).not.toHaveBeenCalled();
  vi.advanceTimersByTime(2);
  process.emit(name, name);
  expect(exit).toHaveBeenCalledWith(130);
});

test("a release gives the signals back, but not within a press", () => {
  watched();
  const listening = () => process.listenerCount("SIGINT") + process.listenerCount("SIGTERM");
  const before = listening();
  onInterrupt().release();
  expect(listening()).toBe(before);
  const pressed = onInterrupt();
  process.emit("SIGINT", "SIGINT");
  pressed.release();
  expect(listening()).toBe(before + 2);
});

test("only the signals that are named count", () => {
  watched();
  const { signal } = onInterrupt(["SIGTERM"]);
  const others = process.listenerCount("SIGINT");
  onInterrupt(["SIGTERM"]);
  expect(process.listenerCount("SIGINT")).toBe(others);
  process.emit("SIGTERM", "SIGTERM");
  expect(signal.aborted).toBe(true);
});
