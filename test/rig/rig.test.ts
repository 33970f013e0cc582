import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { downRig } from "./down.ts";
import { stateFolder } from "./place.ts";
import { isAlive } from "./process-table.ts";
import { openRig, type Rig, upRig } from "./rig.ts";
import { readState, writeState } from "./state.ts";
import { statusText } from "./status.ts";

/** Programs that are not in the cache yet are built first. */
const BUILD_MS = 3_600_000;
const COMMAND = join(import.meta.dirname, "main.ts");
const NAME = `test-${process.pid}`;
const folder = stateFolder(NAME);

let started: Rig | undefined;
const rig = (): Rig => {
  if (started === undefined) throw new Error("the rig did not start");
  return started;
};
const leaders = () => Object.values(readState(folder)?.services ?? {}).map((service) => service.leader);

beforeAll(async () => {
  const onProgress = (line: string) => void process.stderr.write(`rig: ${line}\n`);
  started = await upRig({ name: NAME, apiOnly: true, onProgress });
}, BUILD_MS);

afterAll(async () => {
  await downRig(folder);
}, 60_000);

test("another process finds it by its name, and sees its parts", async () => {
  const found = await openRig(NAME);
  expect(found.kubeconfig).toBe(rig().kubeconfig);
  const text = await statusText(found);
  for (const part of ["etcd", "kube-apiserver", "kube-controller-manager"])
    expect(text).toMatch(new RegExp(`${part} +runs`));
}, 60_000);

test("the controller manager works: a new namespace gets its service account", async () => {
  await rig().kubectl(["create", "namespace", "fresh"]);
  await rig().kubectl(["wait", "--for=create", "serviceaccount/default", "--namespace=fresh", "--timeout=60s"]);
}, 90_000);

test("up again takes the one that is up", async () => {
  const before = leaders();
  await upRig({ name: NAME, apiOnly: true });
  expect(leaders()).toEqual(before);
});

test("by hand nobody ends or takes it while this process uses it", () => {
  for (const verb of [["down"], ["up", "--api-only"]]) {
    const { status, stderr } = spawnSync(process.execPath, [COMMAND, "--name", NAME, ...verb], { encoding: "utf8" });
    expect([status, stderr]).toEqual([1, expect.stringContaining(`process ${process.pid}`)]);
  }
  expect(leaders().every(isAlive)).toBe(true);
}, 60_000);

test("a part that was killed comes back by restart, with what it knew", async () => {
  await rig().kill("kube-apiserver");
  await expect(rig().kubectl(["get", "namespaces", "--request-timeout=3s"])).rejects.toThrow();
  await rig().restart("kube-apiserver");
  expect(await rig().kubectl(["get", "namespace", "default", "-o", "name"])).toBe("namespace/default\n");
  await expect(rig().restart("no-such-part")).rejects.toThrow("has no part no-such-part");
}, 180_000);

test("an image cannot be loaded where no container runtime is", async () => {
  await expect(rig().loadImage("x.tar")).rejects.toMatchObject({ code: "EK_RIG_UNSUPPORTED" });
});

test("a start that broke off is cleared away by the next one, and down leaves nothing, twice", async () => {
  const before = leaders();
  const state = readState(folder);
  if (state === undefined) throw new Error("the rig has no state");
  writeState(folder, { ...state, phase: "starting", starter: { pid: 4_194_304_000, started: "gone" } });
  started = await upRig({ name: NAME, apiOnly: true });
  expect(before.filter(isAlive)).toEqual([]);
  const after = leaders();
  expect(after.every(isAlive)).toBe(true);
  expect(await downRig(folder)).toBe(true);
  expect(after.filter(isAlive)).toEqual([]);
  expect(existsSync(folder)).toBe(false);
  expect(await downRig(folder)).toBe(false);
  await expect(openRig(NAME)).rejects.toMatchObject({ code: "EK_RIG_DOWN" });
}, 240_000);
