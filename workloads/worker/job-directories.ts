import { randomUUID } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { EvenkeelError } from "../../common/errors.ts";
import { readProcess } from "../../common/process-entry.ts";

/** The directories of one worker's jobs, all below a directory of its own. */
export interface JobDirectories {
  /** This worker's own directory. */
  readonly path: string;
  /** Makes an empty directory for a job, for this user only. */
  create(): Promise<string>;
  /** Removes a job's directory, whatever the script did to it. */
  remove(directory: string): Promise<void>;
  /** Removes this worker's directory. */
  close(): Promise<void>;
}

/**
 * Makes this worker's directory below `workDir`, and removes those of workers that have ended without doing so: a
 * container that was killed leaves them behind on its volume.
 * @throws EvenkeelError EK_SETTING_INVALID when `workDir` cannot be written
 */
export async function openJobDirectories(workDir: string): Promise<JobDirectories> {
  const own = join(workDir, ownName());
  try {
    await mkdir(workDir, { recursive: true, mode: 0o700 });
    for (const name of await readdir(workDir)) if (isStale(name)) await removeWhole(join(workDir, name));
    await mkdir(own, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new EvenkeelError("EK_SETTING_INVALID", `jobs cannot have directories: ${(cause as Error).message}`, {
      where: `--work-dir ${workDir}`,
      next: "name a directory that this user can write",
      cause,
    });
  }
  return {
    path: own,
    async create() {
      // Names that no script can guess and take first.
      const prefix = join(own, "job-");
      try {
        return await mkdtemp(prefix);
      } catch {
        // Scripts run as our user: one may have removed our directory, or locked it.
        await mkdir(own, { recursive: true, mode: 0o700 });
        await chmod(own, 0o700);
        return await mkdtemp(prefix);
      }
    },
    remove: removeWhole,
    close: () => removeWhole(own),
  };
}

/** `worker-PID-TICKS`: with its start, so that another process which got the same pid is not taken for the owner. */
function ownName(): string {
  return `worker-${process.pid}-${readProcess(process.pid)?.startTicks ?? 0}`;
}

function isStale(name: string): boolean {
  const match = /^worker-(\d+)-(\d+)$/.exec(name);
  // Anything else in there is not ours to remove.
  return match !== null && readProcess(Number(match[1]))?.startTicks !== match[2];
}

/** Whatever a script made of it: a tree without permissions, or one that is deeper than a path can be long. */
async function removeWhole(directory: string): Promise<void> {
  try {
    await rm(directory, { recursive: true, force: true });
  } catch {
    await flatten(directory);
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Unlocks every directory below and moves it right below `root`, so that none is far down. */
async function flatten(root: string): Promise<void> {
  const waiting = [root];
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    await chmod(directory, 0o700);
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const below = join(directory, entry.name);
      // A directory that moves must be writable itself: its `..` changes.
      await chmod(below, 0o700);
      const up = join(root, randomUUID());
      await rename(below, up);
      waiting.push(up);
    }
  }
}
