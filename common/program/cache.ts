import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join } from "node:path";
import { sha256Of } from "./checksum.ts";
import { isExecutable } from "./path.ts";
import type { Pin } from "./pin.ts";

const RECORD = "installed.json";

/** Where programs that were fetched once are kept: `EVENKEEL_CACHE`, or `evenkeel` in the user's cache folder. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  if (env.EVENKEEL_CACHE) return env.EVENKEEL_CACHE;
  const xdg = env.XDG_CACHE_HOME;
  // The XDG specification has relative paths ignored.
  return join(xdg && isAbsolute(xdg) ? xdg : join(homedir(), ".cache"), "evenkeel");
}

/** The folder of one pinned program for one platform. */
export function toolFolder(cache: string, pin: Pick<Pin, "name" | "version">, platform: string): string {
  return join(cache, "tools", `${pin.name}-${pin.version}-${platform}`);
}

/** What a cached program's folder holds: the program; `"damaged"` when it is not what was installed; or nothing. */
export async function cachedProgram(folder: string, name: string): Promise<string | "damaged" | undefined> {
  const record = await readFile(join(folder, RECORD), "utf8").catch(() => undefined);
  if (record === undefined) return undefined;
  const path = join(folder, name);
  try {
    const { sha256 } = JSON.parse(record) as { sha256?: unknown };
    return (await isExecutable(path)) && (await sha256Of(path)) === sha256 ? path : "damaged";
  } catch {
    return "damaged";
  }
}

/** Makes a folder beside a tool's folder to fetch into, and removes what an interrupted fetch left there. */
export async function stagingFolder(folder: string): Promise<string> {
  const parent = dirname(folder);
  const prefix = `${basename(folder)}.part-`;
  await mkdir(parent, { recursive: true });
  for (const entry of await readdir(parent))
    if (entry.startsWith(prefix)) await rm(join(parent, entry), { recursive: true, force: true });
  return mkdtemp(join(parent, prefix));
}

/**
 * Puts a fetched program into place, all at once, with a record of its checksum.
 * @returns its path
 */
export async function install(staging: string, folder: string, name: string, from: string): Promise<string> {
  const record = { sha256: await sha256Of(join(staging, name)), from, at: new Date().toISOString() };
  await writeFile(join(staging, RECORD), `${JSON.stringify(record, null, 2)}\n`);
  // A temporary folder is its maker's alone; programs may be run by others.
  await chmod(staging, 0o755);
  await rm(folder, { recursive: true, force: true });
  await rename(staging, folder);
  return join(folder, name);
}
