import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { run } from "./run.ts";
import { testFolder } from "./testing.ts";

vi.setConfig({ testTimeout: 60_000 });

/** A shell program that is under way when `ready` settles. */
async function start(trap: string) {
  const folder = await testFolder();
  const stopped = new AbortController();
  const script = `trap '${trap}' INT; echo > began; while :; do sleep 0.05; done`;
  const running = run("sh", ["-c", script], { cwd: folder, timeoutMs: 600_000, signal: stopped.signal });
  running.catch(() => undefined);
  await expect.poll(() => existsSync(join(folder, "began")), { timeout: 40_000 }).toBe(true);
  return { folder, running, stop: () => stopped.abort(new Error("no more")), signal: stopped.signal };
}

test("a signal interrupts the program, which may clean up first", async () => {
  const { folder, running, stop, signal } = await start("echo > cleaned; exit 0");
  stop();
  await expect(running).rejects.toThrow("no more");
  expect(existsSync(join(folder, "cleaned"))).toBe(true);
  await expect(run("sh", ["-c", "echo"], { timeoutMs: 1000, signal })).rejects.toThrow("no more");
});

test("a program that does not go is killed", async () => {
  const { running, stop } = await start("");
  stop();
  await expect(running).rejects.toThrow("no more");
});
