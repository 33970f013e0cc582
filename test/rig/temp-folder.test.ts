import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ownerOf, temporaryFolder } from "./temp-folder.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "evenkeel-temp-test-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test("removes what dead processes left, keeps the living ones' and everybody else's", () => {
  const dead = join(root, "evenkeel-api-4194304000-x");
  const living = join(root, `evenkeel-api-${process.pid}-x`);
  const foreign = join(root, "somebody-4194304000-x");
  for (const path of [dead, living, foreign]) mkdirSync(path);
  expect(existsSync(temporaryFolder(root))).toBe(true);
  expect([dead, living, foreign].map((path) => existsSync(path))).toEqual([false, true, true]);
});

test("reads the owner out of a name", () => {
  expect(ownerOf("evenkeel-api-12-abc")).toBe(12);
  expect(ownerOf("evenkeel-api-abc")).toBeUndefined();
  expect(ownerOf("other-12-abc")).toBeUndefined();
});
