import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Child, startChild } from "../../common/child.ts";
import { downRig } from "./down.ts";
import { holdRig, userOf } from "./hold.ts";
import { stateFolder } from "./place.ts";
import { waitUntil } from "./ready.ts";

const MODULE = join(import.meta.dirname, "hold.ts");
/** A starved machine takes its time over the start of a program. */
const SLOW_MS = 180_000;
const COMMAND = join(import.meta.dirname, "main.ts");

let cache = "";
let folder = "";
let other: Child | undefined;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), "evenkeel-hold-test-"));
  folder = stateFolder("shared", { EVENKEEL_CACHE: cache });
  mkdirSync(folder, { recursive: true });
});
afterEach(async () => {
  await other?.stop();
  other = undefined;
  rmSync(cache, { recursive: true, force: true });
});

/** Another process that claims the rig and lives on. */
async function holdElsewhere(): Promise<Child> {
  const script = `import(${JSON.stringify(MODULE)}).then(({ holdRig }) => { holdRig(${JSON.stringify(folder)}); console.log("held"); setInterval(() => {}, 1000); })`;
  const child = await startChild(process.execPath, ["-e", script], { name: "holder" });
  other = child;
  await waitUntil("the other process's hold", () => child.lastLines().includes("held"), { timeoutMs: 60_000 });
  return child;
}

/** `npm run rig` by hand. */
function rigCommand(...words: string[]) {
  const env = { ...process.env, EVENKEEL_CACHE: cache };
  return spawnSync(process.execPath, [COMMAND, "--name", "shared", ...words], { env, encoding: "utf8" });
}

test(
  "neither up nor down touches a rig that another living process uses, and the error names it",
  async () => {
    const { pid } = await holdElsewhere();
    for (const words of [["up", "--api-only"], ["down"]]) {
      const { status, stderr } = rigCommand(...words);
      expect(status).toBe(1);
      expect(stderr).toContain("EK_RIG_BUSY");
      expect(stderr).toContain(`process ${pid}`);
      expect(stderr).toContain("--name shared down --force");
    }
    await expect(downRig(folder)).rejects.toMatchObject({ code: "EK_RIG_BUSY" });
    expect(existsSync(folder)).toBe(true);
    expect(userOf(folder)).toContain(`process ${pid}`);
  },
  SLOW_MS,
);

test(
  "a rig whose user was killed is anybody's",
  async () => {
    const user = await holdElsewhere();
    user.signal("SIGKILL");
    await user.exited;
    expect(userOf(folder)).toBeUndefined();
    expect(rigCommand("down").status).toBe(0);
    expect(existsSync(folder)).toBe(false);
    expect(existsSync(`${folder}.lock`)).toBe(false);
  },
  SLOW_MS,
);

test(
  "down by force takes a rig away from its user",
  async () => {
    const user = await holdElsewhere();
    expect(rigCommand("down", "--force").status).toBe(0);
    expect(existsSync(folder)).toBe(false);
    // The claim went with the rig, and the process lives on.
    const mine = holdRig(folder);
    await sleep(50);
    expect([mine.isNew, mine.isHeld()]).toEqual([true, true]);
    user.signal("SIGTERM");
    await user.exited;
    mine.release();
  },
  SLOW_MS,
);

test("a process has one claim, however often it asks, and none after it has let go", () => {
  const first = holdRig(folder);
  const again = holdRig(folder);
  expect([first.isNew, again.isNew]).toEqual([true, false]);
  expect(userOf(folder)).toContain(`process ${process.pid}`);
  again.release();
  expect([first.isHeld(), again.isHeld(), userOf(folder)]).toEqual([false, false, undefined]);
});
