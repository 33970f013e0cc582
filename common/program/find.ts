import { chmod, mkdir, rm } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { EvenkeelError } from "../errors.ts";
import { cachedProgram, cacheFolder, install, stagingFolder, toolFolder } from "./cache.ts";
import { describeWay, getProgram } from "./get.ts";
import { withLock } from "./lock.ts";
import { firstOnPath, isExecutable } from "./path.ts";
import { currentPlatform, type Pin } from "./pin.ts";
import { type OnProgress, progressToStderr } from "./progress.ts";
import { run } from "./run.ts";
import { parseVersion, sameMinor } from "./version.ts";

const VERSION_MS = 30_000;
/** How long another process's fetch is waited for: a Go build on two slow cores takes its minutes. */
const LOCK_WAIT_MS = 45 * 60_000;

export interface FindOptions {
  /** Told what happens when something does; standard error by default. */
  readonly onProgress?: OnProgress;
  readonly env?: NodeJS.ProcessEnv;
  /** As {@link currentPlatform} names it. */
  readonly platform?: string;
  /** Gives up: what has been begun is ended and taken away. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Finds a pinned program, or fetches it: the pin's own setting, PATH if its version fits, our cache, then the pin's ways.
 * @returns its path
 * @throws EvenkeelError EK_SETTING_INVALID (the setting's path is wrong), EK_CHECKSUM_MISMATCH, EK_PROGRAM_MISSING (with
 * each way's reason), EK_TIMEOUT (another process is fetching it for ever); the signal's reason
 */
export async function findProgram(pin: Pin, options: FindOptions = {}): Promise<string> {
  const env = options.env ?? process.env;
  const platform = options.platform ?? currentPlatform();
  const onProgress = options.onProgress ?? progressToStderr;
  const set = env[pin.setting];
  if (set !== undefined && set !== "") return await fromSetting(pin, set, onProgress);
  const onPath = await fromPath(pin, env, onProgress);
  if (onPath !== undefined) return onPath;

  const folder = toolFolder(cacheFolder(env), pin, platform);
  const cached = await cachedProgram(folder, pin.name);
  if (cached !== undefined && cached !== "damaged") return cached;
  await mkdir(dirname(folder), { recursive: true });
  const { signal } = options;
  const onWait = () => onProgress(`${pin.name}: another process is fetching it`);
  const waiting = { waitMs: LOCK_WAIT_MS, onWait, signal };
  return await withLock(`${folder}.lock`, waiting, async () => {
    // Whoever held the lock before us may have fetched it.
    const found = await cachedProgram(folder, pin.name);
    if (found === "damaged") onProgress(`${pin.name}: ${folder} is damaged and will be fetched again`);
    else if (found !== undefined) return found;
    return await fetchProgram(pin, folder, { env, platform, onProgress, signal });
  });
}

async function fromSetting(pin: Pin, path: string, onProgress: OnProgress): Promise<string> {
  const invalid = (what: string) =>
    new EvenkeelError("EK_SETTING_INVALID", `${path} ${what}`, {
      where: pin.setting,
      next: `name the ${pin.name} program by its path, or unset ${pin.setting}`,
    });
  if (!(await isExecutable(path))) throw invalid("is not a program that may be run");
  let version: string | undefined;
  try {
    version = await versionOf(pin, path);
  } catch (error) {
    throw invalid(`does not tell its version: ${(error as Error).message}`);
  }
  if (version === undefined || !sameMinor(version, pin.version))
    onProgress(`${pin.name}: ${pin.setting} is version ${version ?? "unknown"}, ours is tested with ${pin.version}`);
  return path;
}

async function fromPath(pin: Pin, env: NodeJS.ProcessEnv, onProgress: OnProgress): Promise<string | undefined> {
  const path = await firstOnPath(pin.name, (env.PATH ?? "").split(delimiter));
  if (path === undefined) return undefined;
  try {
    const version = await versionOf(pin, path);
    if (version !== undefined && sameMinor(version, pin.version)) return path;
    onProgress(`${pin.name}: ${path} is version ${version ?? "unknown"}, not ${pin.version}; looking elsewhere`);
  } catch (error) {
    onProgress(`${pin.name}: ${path} does not tell its version (${(error as Error).message}); looking elsewhere`);
  }
  return undefined;
}

async function versionOf(pin: Pin, path: string): Promise<string | undefined> {
  const { stdout, stderr } = await run(path, pin.versionArgs, { timeoutMs: VERSION_MS });
  return parseVersion(stdout) ?? parseVersion(stderr);
}

async function fetchProgram(
  pin: Pin,
  folder: string,
  options: { env: NodeJS.ProcessEnv; platform: string; onProgress: OnProgress; signal: AbortSignal | undefined },
): Promise<string> {
  const reasons: string[] = [];
  for (const way of pin.ways) {
    const what = describeWay(way);
    options.onProgress(`${pin.name}: trying the ${what}`);
    const staging = await stagingFolder(folder);
    const destination = join(staging, pin.name);
    try {
      await getProgram(way, { ...options, pin, folder: staging, destination });
      await chmod(destination, 0o755);
      const version = await versionOf(pin, destination);
      if (version === undefined || !sameMinor(version, pin.version))
        throw new Error(`what came is version ${version ?? "unknown"}, not ${pin.version}`);
      const installed = await install(staging, folder, pin.name, what);
      options.onProgress(`${pin.name}: ${version} is ready at ${installed}`);
      return installed;
    } catch (error) {
      options.signal?.throwIfAborted();
      if (error instanceof EvenkeelError && error.code === "EK_CHECKSUM_MISMATCH") throw error;
      const reason = error instanceof Error ? error.message : String(error);
      reasons.push(`${what}: ${reason}`);
      options.onProgress(`${pin.name}: the ${what} did not work: ${reason.split("\n", 1)[0]}`);
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
  }
  const tried = reasons.length === 0 ? "no way of fetching it is known" : reasons.join("; ");
  throw new EvenkeelError("EK_PROGRAM_MISSING", `there is no ${pin.name} ${pin.version} (${tried})`, {
    next: `install ${pin.name} ${pin.version} and put it on PATH, or set ${pin.setting} to its path`,
  });
}
