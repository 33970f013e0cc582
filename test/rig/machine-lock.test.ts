import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockMachine, unlockMachine } from "./machine-lock.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "evenkeel-machine-test-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a second rig is refused by the name of the first, until that one gives the machine back", () => {
  const path = join(folder, "lock");
  lockMachine("/cache/state/first", path);
  expect(() => lockMachine("/cache/state/second", path)).toThrow(
    expect.objectContaining({ code: "EK_RIG_BUSY", next: expect.stringContaining("--name first") }),
  );
  unlockMachine("/cache/state/second", path);
  expect(() => lockMachine("/cache/state/second", path)).toThrow();
  unlockMachine("/cache/state/first", path);
  lockMachine("/cache/state/second", path);
});
