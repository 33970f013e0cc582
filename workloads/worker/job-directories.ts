import { chmod, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { EvenkeelError } from "../../common/errors.ts";
import { readProcess } from "./process-table.ts";

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
  let made = 0;
  return {
    path: own,
    async create() {
      const directory = join(own, `job-${++made}`);
      await mkdir(directory, { mode: 0o700 });
      return directory;
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

async function removeWhole(directory: string): Promise<void> {
  try {
    await rm(directory, { recursive: true, force: true });
  } catch {
    // A script may have taken its directories' permissions away.
    await unlock(directory);
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function unlock(directory: string): Promise<void> {
  await chmod(directory, 0o700);
  for (const entry of await readdir(directory, { withFileTypes: true }))
    if (entry.isDirectory()) await unlock(join(directory, entry.name));
}
