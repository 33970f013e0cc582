import { homedir } from "node:os";
import { join } from "node:path";

/** Evenkeel's cache: `EVENKEEL_CACHE`, else `XDG_CACHE_HOME/evenkeel`, else `~/.cache/evenkeel`. */
export function cacheRoot(env: NodeJS.ProcessEnv = process.env): string {
  if (env.EVENKEEL_CACHE) return env.EVENKEEL_CACHE;
  return join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "evenkeel");
}

/** The rig's part of the cache. */
export const rigCache = (env?: NodeJS.ProcessEnv): string => join(cacheRoot(env), "rig");

/** Where programs for this machine are kept. */
export const platformCache = (env?: NodeJS.ProcessEnv): string =>
  join(rigCache(env), `${process.platform}-${process.arch}`);

/** Says how it goes, in one line without a full stop. */
export type Progress = (line: string) => void;
