import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const EVENKEEL = join(import.meta.dirname, "..", "..", "cli", "evenkeel.ts");

test("`demo --once` holds: every upload succeeds, the busy worker's share falls and returns", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [EVENKEEL, "demo", "--once"], { timeout: 240_000 });
  expect(stdout).toMatch(/^uploads +\d+, failed 0$/m);
  expect(stdout).toMatch(/^held$/m);
}, 260_000);
