import { setTimeout as sleep } from "node:timers/promises";

const GENEROUS_MS = 60_000;

/** Waits until a condition holds; a test's machine may be slow. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  ms = GENEROUS_MS,
): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what} did not happen in ${ms / 1000} s`);
    await sleep(50);
  }
}
