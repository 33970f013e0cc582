import { execFileSync } from "node:child_process";
import { mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readTextFile } from "./text-file.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "text-file-"));
  path = join(folder, "file");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it("reads text of up to the limit, of several chunks too", async () => {
  const text = "ä".repeat(100_000);
  await writeFile(path, text);
  expect(readTextFile(path, "the file", 200_000)).toBe(text);
  expect(() => readTextFile(path, "the file", 199_999)).toThrow(
    "the file cannot be read: it is larger than 199999 bytes",
  );
});

it("reads a file that tells no size, and no more of it than the limit", () => {
  expect(readTextFile("/proc/self/status", "the file", 100_000)).toContain("Pid:");
  expect(() => readTextFile("/proc/self/status", "the file", 10)).toThrow("it is larger than 10 bytes");
});

it("does not read a huge file to find that out", async () => {
  await writeFile(path, "");
  await truncate(path, 2 ** 33);
  expect(() => readTextFile(path, "the file", 1000)).toThrow("it is larger than 1000 bytes");
});

it("waits for nothing: a pipe, a device and a folder are refused", async () => {
  execFileSync("mkfifo", [path]);
  expect(() => readTextFile(path, "the file", 1000)).toThrow("it is not a regular file");
  await rm(path);
  await symlink("/dev/zero", path);
  expect(() => readTextFile(path, "the file", 1000)).toThrow("it is not a regular file");
  expect(() => readTextFile(folder, "the file", 1000)).toThrow("it is a directory");
});

it("tells what is no text from what is", async () => {
  await writeFile(path, Buffer.of(0x61, 0));
  expect(readTextFile(path, "the file", 1000)).toBeUndefined();
  await writeFile(path, Buffer.of(0xff, 0xfe));
  expect(readTextFile(path, "the file", 1000)).toBeUndefined();
});

it("says which file is missing", () => {
  expect(() => readTextFile(path, "the file", 1000)).toThrow(
    expect.objectContaining({ code: "EK_FILE_UNREADABLE", where: path }),
  );
});
