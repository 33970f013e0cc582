import { existsSync } from "node:fs";
import { appendFile, chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { create } from "tar";
import { expect, test } from "vitest";
import { cacheFolder } from "./cache.ts";
import { findProgram } from "./find.ts";
import type { Pin, ReleaseFile, Way } from "./pin.ts";
import { script, sha256, testFolder, testServer, writeScript } from "./testing.ts";

const PIN: Pin = { name: "tool", version: "1.2.3", setting: "EK_TEST_TOOL", versionArgs: ["--version"], ways: [] };

async function machine() {
  const folder = await testFolder();
  const bin = join(folder, "bin");
  await mkdir(bin);
  // The scripts' own `echo` is the shell's; nothing else of this machine is to be found.
  const env: NodeJS.ProcessEnv = { PATH: bin, EVENKEEL_CACHE: join(folder, "cache") };
  const lines: string[] = [];
  const find = (ways: readonly Way[] = [], more: NodeJS.ProcessEnv = {}) =>
    findProgram(
      { ...PIN, ways },
      { env: { ...env, ...more }, platform: "linux-x64", onProgress: (line) => lines.push(line) },
    );
  const cached = join(folder, "cache", "tools", "tool-1.2.3-linux-x64", "tool");
  return { folder, bin, lines, find, cached };
}

async function release(content: string | Buffer, more: Partial<ReleaseFile> = {}) {
  let served = 0;
  const base = await testServer((_request, response) => {
    served++;
    response.end(content);
  });
  const file = { url: `${base}/tool`, sha256: sha256(content), maxBytes: 10_000, ...more };
  const way: Way = { kind: "release", files: { "linux-x64": file } };
  return { way, served: () => served };
}

test("takes the program that the setting names, and says when its version is another", async () => {
  const { folder, find, lines } = await machine();
  const own = join(folder, "own");
  await writeScript(own, "1.2.9");
  expect(await find([], { EK_TEST_TOOL: own })).toBe(own);
  expect(lines).toEqual([]);
  await writeScript(own, "3.0.0");
  expect(await find([], { EK_TEST_TOOL: own })).toBe(own);
  expect(lines).toEqual(["tool: EK_TEST_TOOL is version 3.0.0, ours is tested with 1.2.3"]);
});

test("a wrong setting is an error, though PATH has one", async () => {
  const { folder, bin, find } = await machine();
  await writeScript(join(bin, "tool"), "1.2.3");
  const missing = find([], { EK_TEST_TOOL: join(folder, "none") });
  await expect(missing).rejects.toMatchObject({ code: "EK_SETTING_INVALID", where: "EK_TEST_TOOL" });
  const broken = join(folder, "broken");
  await writeFile(broken, "#!/bin/sh\nexit 3\n", { mode: 0o755 });
  await expect(find([], { EK_TEST_TOOL: broken })).rejects.toThrow("does not tell its version");
});

test("takes the one on PATH only if its minor version fits", async () => {
  const { bin, find, lines } = await machine();
  await writeScript(join(bin, "tool"), "1.2.7");
  expect(await find()).toBe(join(bin, "tool"));
  await writeScript(join(bin, "tool"), "1.3.0");
  await expect(find()).rejects.toMatchObject({ code: "EK_PROGRAM_MISSING" });
  expect(lines).toContain(`tool: ${join(bin, "tool")} is version 1.3.0, not 1.2.3; looking elsewhere`);
});

test("fetches once, then uses the cache", async () => {
  const { find, cached } = await machine();
  const { way, served } = await release(script("1.2.3"));
  expect(await find([way])).toBe(cached);
  expect(await find([way])).toBe(cached);
  expect(served()).toBe(1);
  expect(await readFile(cached, "utf8")).toBe(script("1.2.3"));
  expect(await readdir(join(cached, "../.."))).toEqual(["tool-1.2.3-linux-x64"]);
});

test("two who need it at once fetch it once", async () => {
  const { find, cached } = await machine();
  const { way, served } = await release(script("1.2.3"));
  expect(await Promise.all([find([way]), find([way])])).toEqual([cached, cached]);
  expect(served()).toBe(1);
});

test("fetches again what somebody changed in the cache", async () => {
  const { find, cached, lines } = await machine();
  const { way, served } = await release(script("1.2.3"));
  await find([way]);
  await appendFile(cached, "echo more\n");
  expect(await find([way])).toBe(cached);
  expect(served()).toBe(2);
  expect(lines.some((line) => line.includes("is damaged and will be fetched again"))).toBe(true);
  expect(await readFile(cached, "utf8")).toBe(script("1.2.3"));
});

test("takes a program out of a release archive", async () => {
  const { folder, find, cached } = await machine();
  await mkdir(join(folder, "tool-v1.2.3"));
  await writeScript(join(folder, "tool-v1.2.3", "tool"), "1.2.3");
  await create({ gzip: true, file: join(folder, "archive"), cwd: folder }, ["tool-v1.2.3"]);
  const { way } = await release(await readFile(join(folder, "archive")), { member: "tool-v1.2.3/tool" });
  expect(await find([way])).toBe(cached);
});

test("goes on to the next way, and says at last why each failed", async () => {
  const { find, cached } = await machine();
  const gone: Way = {
    kind: "release",
    files: { "linux-x64": { url: "http://127.0.0.1:1/tool", sha256: "", maxBytes: 1 } },
  };
  const elsewhere: Way = { kind: "wheel", package: "tool", version: "1", member: "tool", files: {} };
  const older = await release(script("1.1.0"));
  await expect(find([gone, elsewhere, older.way])).rejects.toMatchObject({
    code: "EK_PROGRAM_MISSING",
    message: expect.stringMatching(
      /release download: .*ECONNREFUSED.*; PyPI package tool 1: none is pinned for linux-x64; release download: what came is version 1\.1\.0/,
    ),
    next: "install tool 1.2.3 and put it on PATH, or set EK_TEST_TOOL to its path",
  });
  expect(existsSync(cached)).toBe(false);
  expect(await find([gone, (await release(script("1.2.3"))).way])).toBe(cached);
});

test("stops at a file that is not the pinned one", async () => {
  const { find, cached } = await machine();
  const changed = await release(script("1.2.3"), { sha256: sha256("another") });
  const good = await release(script("1.2.3"));
  await expect(find([changed.way, good.way])).rejects.toMatchObject({ code: "EK_CHECKSUM_MISMATCH" });
  expect(good.served()).toBe(0);
  expect(await readdir(join(cached, "../.."))).toEqual([]);
});

test("removes what an interrupted fetch left", async () => {
  const { find, cached } = await machine();
  const left = `${join(cached, "..")}.part-abc`;
  await mkdir(left, { recursive: true });
  await chmod(left, 0o700);
  await find([(await release(script("1.2.3"))).way]);
  expect(existsSync(left)).toBe(false);
});

test("keeps programs in the user's cache unless told otherwise", () => {
  expect(cacheFolder({ EVENKEEL_CACHE: "/here" })).toBe("/here");
  expect(cacheFolder({ XDG_CACHE_HOME: "/xdg" })).toBe("/xdg/evenkeel");
  expect(cacheFolder({ XDG_CACHE_HOME: "relative" })).toMatch(/\.cache\/evenkeel$/);
});
