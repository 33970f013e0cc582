import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { parseProcessEntry, readProcess } from "./process-entry.ts";

it("reads this process", () => {
  const entry = readProcess(process.pid);
  expect(entry).toMatchObject({ pid: process.pid, parent: process.ppid, isZombie: false });
  expect(entry?.startTicks).toMatch(/^\d+$/);
});

it("a command name with spaces and brackets does not shift the fields", () => {
  const after = Array.from({ length: 30 }, (_, index) => String(index + 4));
  const entry = { pid: 12, isZombie: false, parent: 4, group: 5, startTicks: "22" };
  expect(parseProcessEntry(12, `12 (a ) (b) S ${after.join(" ")}`)).toEqual(entry);
});

it("finds no process where there is none", () => {
  expect(readProcess(2 ** 30)).toBeUndefined();
});

it("knows one that has ended and was not looked after", async () => {
  // The shell's child ends, and the program that takes the shell's place never waits for it.
  const child = "while [ $(cat /proc/$PPID/comm) != sleep ]; do :; done";
  const parent = spawn("sh", ["-c", `sh -c '${child}' & echo $!; exec sleep 60`], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  try {
    const [line] = (await once(parent.stdout, "data")) as [Buffer];
    await expect.poll(() => readProcess(Number(line.toString()))?.isZombie, { timeout: 20_000 }).toBe(true);
  } finally {
    parent.kill("SIGKILL");
  }
});
