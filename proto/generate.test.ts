import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";

const SCRIPT = fileURLToPath(new URL("generate.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "evenkeel-generate-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(script: string) {
  return spawnSync(process.execPath, [script], { encoding: "utf8" });
}

test("says nothing and makes nothing when nothing changed", () => {
  expect(run(SCRIPT)).toMatchObject({ status: 0, stdout: "", stderr: "" });
});

test("says what is missing and what to do when the tools are not installed", () => {
  const copy = join(folder, "generate.mjs");
  copyFileSync(SCRIPT, copy);
  const { status, stderr } = run(copy);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^EK_GENERATE_FAILED .*not installed: @bufbuild\/buf, ts-proto.*Next: run `npm ci`/);
});
