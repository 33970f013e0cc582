import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { withLock } from "./lock.ts";
import { testFolder } from "./testing.ts";

const PATIENT = { waitMs: 60_000 };
const lockPath = async () => join(await testFolder(), "tool.lock");

test("lets one work at a time and leaves nothing behind", async () => {
  const path = await lockPath();
  let working = 0;
  let waited = 0;
  const work = async () => {
    expect(++working).toBe(1);
    // The first one works until the two others are known to wait.
    while (waited < 2) await sleep(5);
    working--;
  };
  const onWait = () => void waited++;
  await Promise.all([1, 2, 3].map(() => withLock(path, { ...PATIENT, onWait }, work)));
  expect(await readdir(dirname(path))).toEqual([]);
});

test("is free again after a failure", async () => {
  const path = await lockPath();
  await expect(withLock(path, PATIENT, () => Promise.reject(new Error("oh")))).rejects.toThrow("oh");
  expect(await withLock(path, PATIENT, async () => "done")).toBe("done");
});

test("breaks the lock of a process that is dead", async () => {
  const path = await lockPath();
  const { pid } = spawnSync("true");
  await writeFile(path, `${pid} ${hostname()} 1\n`);
  expect(await withLock(path, PATIENT, async () => existsSync(path))).toBe(true);
  expect(existsSync(path)).toBe(false);
});

test("breaks a lock of another machine that nobody touches any more", async () => {
  const path = await lockPath();
  await writeFile(path, "1 another-machine 1\n");
  const longAgo = new Date(Date.now() - 10 * 60_000);
  await utimes(path, longAgo, longAgo);
  expect(await withLock(path, PATIENT, async () => "done")).toBe("done");
});

test("waits for a living holder, but not for ever", async () => {
  const path = await lockPath();
  await writeFile(path, `${process.pid} ${hostname()} another-call\n`);
  await expect(withLock(path, { waitMs: 300 }, async () => "done")).rejects.toMatchObject({
    code: "EK_TIMEOUT",
    where: path,
  });
  expect(existsSync(path)).toBe(true);
});
