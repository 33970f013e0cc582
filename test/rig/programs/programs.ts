import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { EvenkeelError } from "../../../common/errors.ts";
import { withLock } from "../../../common/program/lock.ts";
import { type Progress, platformCache } from "../cache.ts";
import { buildProgram, buildSingleFile } from "./build.ts";
import { PAUSE_SOURCE } from "./pause.ts";
import { recipeOf } from "./recipes.ts";

/** The programs asked for, each with its path. */
export type Programs = Readonly<Record<string, string>>;

/** How long another process's builds are waited for, in ms: all of them, on two slow cores. */
const LOCK_WAIT_MS = 90 * 60_000;

/**
 * Finds the rig's programs: in the folder that `EVENKEEL_RIG_BIN` names, in the cache, or else builds them into the cache.
 * What was built stays when a later build fails; the next call goes on from there.
 * @throws EvenkeelError EK_PROGRAM_MISSING, EK_CHECKSUM_MISMATCH, EK_CHILD_FAILED
 */
export async function findPrograms(names: readonly string[], onProgress: Progress): Promise<Programs> {
  const found: Record<string, string> = {};
  for (const name of names) found[name] = await findProgram(name, onProgress);
  return found;
}

async function findProgram(name: string, onProgress: Progress): Promise<string> {
  const given = process.env.EVENKEEL_RIG_BIN;
  if (given !== undefined && given !== "" && existsSync(join(given, name))) return join(given, name);
  const folder = platformCache();
  const file = join(folder, "bin", name);
  const stampFile = join(folder, "stamps", name);
  const stamp = stampOf(name);
  if (isCurrent(file, stampFile, stamp)) return file;
  mkdirSync(folder, { recursive: true });
  const waiting = { waitMs: LOCK_WAIT_MS, onWait: () => onProgress(`${name}: another process is building`) };
  // One build at a time on a machine: two would only slow each other, and the second finds the first one's work.
  return withLock(join(folder, "build.lock"), waiting, async () => {
    if (isCurrent(file, stampFile, stamp)) return file;
    await build(name, folder, file, onProgress);
    mkdirSync(dirname(stampFile), { recursive: true });
    writeFileSync(stampFile, stamp);
    return file;
  });
}

async function build(name: string, folder: string, file: string, onProgress: Progress): Promise<void> {
  if (name === "pause") return buildSingleFile(PAUSE_SOURCE, folder, file);
  const recipe = recipeOf(name);
  if (recipe === undefined) throw new EvenkeelError("EK_PROGRAM_MISSING", `the rig does not know how to make ${name}`);
  await buildProgram(recipe, name, folder, file, onProgress);
}

function stampOf(name: string): string {
  const recipe = recipeOf(name);
  return recipe === undefined ? PAUSE_SOURCE : `${recipe.module}@${recipe.version} ${recipe.sum}`;
}

function isCurrent(file: string, stampFile: string, stamp: string): boolean {
  return existsSync(file) && existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp;
}
