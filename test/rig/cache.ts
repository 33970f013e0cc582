import { join } from "node:path";
import { cacheFolder } from "../../common/program/cache.ts";
import { currentPlatform } from "../../common/program/pin.ts";

/** The rig's part of Evenkeel's cache. */
export const rigCache = (env: NodeJS.ProcessEnv = process.env): string => join(cacheFolder(env), "rig");

/** Where programs for this machine are kept. */
export const platformCache = (env?: NodeJS.ProcessEnv): string => join(rigCache(env), currentPlatform());

/** Says how it goes, in one line without a full stop. */
export type Progress = (line: string) => void;
