import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { candidates, findIsolation, findPython } from "./isolation.ts";
import { type JobDirectories, openJobDirectories } from "./job-directories.ts";
import { WIDE } from "./worker-under-test.ts";

let workDir: string;
let jobs: JobDirectories;
beforeEach(async () => {
  workDir = await mkdtemp(join(tmpdir(), "isolation-"));
  jobs = await openJobDirectories(workDir);
});
afterEach(() => rm(workDir, { recursive: true, force: true }));

const names = (wish: Parameters<typeof candidates>[0]): string[] => candidates(wish).map(({ name }) => name);

it("tries namespaces first, and what needs no rights last", () => {
  expect(names({ kind: "auto", noNetwork: false })).toEqual(["namespaces", "namespaces", "process-group"]);
});

it("tries only what was asked for", () => {
  expect(names({ kind: "namespaces", noNetwork: false })).toEqual(["namespaces", "namespaces"]);
  expect(names({ kind: "process-group", noNetwork: false })).toEqual(["process-group"]);
});

it("never falls back to an isolation that has the network", () => {
  expect(names({ kind: "process-group", noNetwork: true })).toEqual([]);
  for (const { prefix } of candidates({ kind: "auto", noNetwork: true })) expect(prefix).toContain("--net");
});

it("finds one that works here", async () => {
  const python = await findPython("python3");
  const isolation = await findIsolation({ kind: "auto", noNetwork: false }, python, jobs, WIDE);
  expect(isolation.python).toBe(python);
  const tried = candidates({ kind: "auto", noNetwork: false }).map(({ prefix }) => prefix.join(" "));
  expect(isolation.passedOver).toHaveLength(tried.indexOf(isolation.prefix.join(" ")));
});

it("says what was tried when none works", async () => {
  const finding = findIsolation({ kind: "process-group", noNetwork: false }, "/nowhere/python3", jobs, WIDE);
  await expect(finding).rejects.toMatchObject({
    code: "EK_ISOLATION_UNAVAILABLE",
    where: "--isolation process-group",
    message: expect.stringContaining("process-group: "),
  });
});

it("finds the Python itself", async () => {
  expect(await findPython("python3")).toMatch(/^\/.*python/);
});

it("says so when there is no Python", async () => {
  await expect(findPython("no-such-python")).rejects.toMatchObject({ code: "EK_PROGRAM_MISSING", where: "--python" });
  await expect(findPython("true")).rejects.toMatchObject({ code: "EK_PROGRAM_MISSING" });
});
