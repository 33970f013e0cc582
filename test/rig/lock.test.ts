import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Lock, readHolder, tryLock } from "./lock.ts";
import { self } from "./process-table.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "evenkeel-lock-test-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const held = (lock: ReturnType<typeof tryLock>): Lock => {
  if (!("release" in lock)) throw new Error(`held by ${lock.purpose}`);
  return lock;
};

test("the second one is told who holds it, until it is released", () => {
  const path = join(folder, "lock");
  const first = held(tryLock(path, "first"));
  expect(tryLock(path, "second")).toEqual({ process: self(), purpose: "first" });
  first.release();
  held(tryLock(path, "second")).release();
});

test.each([
  ["a process that has ended", JSON.stringify({ process: { pid: 4_194_304_000, started: "1" }, purpose: "gone" })],
  [
    "a process whose number was used again",
    JSON.stringify({ process: { pid: process.pid, started: "before" }, purpose: "x" }),
  ],
  ["half a file", "{"],
])("a lock of %s is taken over", (_what, content) => {
  const path = join(folder, "lock");
  writeFileSync(path, content);
  held(tryLock(path, "mine"));
  expect(readHolder(path)?.purpose).toBe("mine");
});

test("who has lost a lock does not give back the next one's", () => {
  const path = join(folder, "lock");
  const lost = held(tryLock(path, "first"));
  const next = { process: { pid: process.ppid, started: "then" }, purpose: "next" };
  writeFileSync(path, JSON.stringify(next));
  expect(lost.isHeld()).toBe(false);
  lost.release();
  expect(readHolder(path)).toEqual(next);
});

test("nothing but the lock itself is left beside it", () => {
  const path = join(folder, "lock");
  writeFileSync(path, "{");
  held(tryLock(path, "first"));
  tryLock(path, "second");
  expect(readdirSync(folder)).toEqual(["lock"]);
});

test("a lock that was handed over belongs to the other process", () => {
  const path = join(folder, "lock");
  held(tryLock(path, "rig")).handOver({ pid: process.ppid, started: "then" });
  expect(readHolder(path)?.process).toEqual({ pid: process.ppid, started: "then" });
});
