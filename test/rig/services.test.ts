import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isAlive, self } from "./process-table.ts";
import { waitUntil } from "./ready.ts";
import { killService, lastLines, startService, stopService } from "./services.ts";
import { type RigState, readState, writeState } from "./state.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "evenkeel-services-test-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const state = (): RigState => ({
  name: "x",
  kind: "api-only",
  phase: "up",
  starter: self(),
  kubeconfig: "/kubeconfig",
  place: { folder, bindAddress: "", advertiseAddress: "", address: "", apiPort: 1, etcdPort: 2, etcdPeerPort: 3 },
  path: ["/first"],
  extras: [],
  services: {},
});

const shell = (name: string, script: string) => ({ name, program: "/bin/sh", args: ["-c", script], env: { OWN: "1" } });
const says = (name: string, text: string) =>
  waitUntil(`${name} says ${text}`, () => lastLines(folder, name).includes(text), { timeoutMs: 30_000, everyMs: 20 });

test("a part runs with its environment, writes a log, and is gone after stop", async () => {
  const part = await startService(folder, state(), shell("one", 'echo "$PATH $KUBECONFIG $OWN"; sleep 60'));
  await says("one", "/kubeconfig 1");
  expect(lastLines(folder, "one")).toMatch(/^\/first:/);
  expect(isAlive(part.leader)).toBe(true);
  await stopService(part.leader);
  expect(isAlive(part.leader)).toBe(false);
  await stopService(part.leader);
}, 60_000);

test("what ignores the polite signal is ended by force", async () => {
  const part = await startService(folder, state(), shell("deaf", "trap '' TERM; echo deaf; while :; do sleep 1; done"));
  await says("deaf", "deaf");
  await stopService(part.leader, 200);
  expect(isAlive(part.leader)).toBe(false);
}, 60_000);

test("kill does not ask", async () => {
  const part = await startService(folder, state(), shell("asked", "trap 'echo asked' TERM; echo up; sleep 60"));
  await says("asked", "up");
  await killService(part.leader);
  expect(isAlive(part.leader)).toBe(false);
  expect(lastLines(folder, "asked")).not.toContain("asked");
}, 60_000);

test("a program that is not there is an error", async () => {
  const spec = { name: "none", program: "/no/such/program", args: [] };
  await expect(startService(folder, state(), spec)).rejects.toMatchObject({ code: "EK_PROGRAM_MISSING" });
});

test("state is read as it was written; a folder without one has none", () => {
  expect(readState(folder)).toBeUndefined();
  writeState(folder, state());
  expect(readState(folder)).toEqual(state());
});
