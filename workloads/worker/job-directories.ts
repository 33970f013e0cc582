import { randomUUID } from "node:crypto";
import type { Dirent } from "node:fs";
import { chmod, lstat, mkdir, mkdtemp, opendir, readdir, rename, rmdir, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EvenkeelError } from "../../common/errors.ts";
import { readProcess } from "../../common/process-entry.ts";

/** Entries of one directory that are removed at once. */
const AT_ONCE = 64;
const MOST_LEVELS = 100_000;

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
 * @throws EvenkeelError EK_SETTING_INVALID when `workDir` cannot be written, or is somebody else's where anybody may write
 */
export async function openJobDirectories(workDir: string): Promise<JobDirectories> {
  const own = join(workDir, ownName());
  try {
    await mkdir(workDir, { recursive: true, mode: 0o700 });
    await requireOurs(workDir);
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

/** Where anybody may write, somebody else may have made it first: they could put scripts of their own in the place of ours. */
async function requireOurs(directory: string): Promise<void> {
  const [parent, own] = await Promise.all([lstat(join(dirname(directory), ".")), lstat(directory)]);
  const isOpen = (parent.mode & 0o002) !== 0;
  if (isOpen && own.uid !== process.getuid?.()) throw new Error(`it belongs to the user ${own.uid}`);
  if (isOpen && !own.isDirectory()) throw new Error("it is a link");
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

/**
 * Whatever a script made of it: a tree without permissions, one that is deeper than a path can be long, or a directory of
 * millions of files. Entries are read and removed a few at a time: `rm` of Node reads whole directories first.
 */
async function removeWhole(directory: string): Promise<void> {
  try {
    // Each time, what was far down comes up by one. The bound is for what somebody fills while we empty it.
    for (let times = 0; times < MOST_LEVELS && (await emptyOnce(directory)); times += 1);
    await rmdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** Empties a directory but for what was two levels down, which it moves right below it. @returns whether anything was in it */
async function emptyOnce(root: string): Promise<boolean> {
  await chmod(root, 0o700);
  let any = false;
  await forEachEntry(root, async (entry) => {
    any = true;
    const path = join(root, entry.name);
    if (!entry.isDirectory()) return await unlink(path);
    // A directory that moves must be writable itself: its `..` changes.
    await chmod(path, 0o700);
    await forEachEntry(path, async (below) => {
      const from = join(path, below.name);
      if (!below.isDirectory()) return await unlink(from);
      await chmod(from, 0o700);
      await rename(from, join(root, randomUUID()));
    });
    await rmdir(path);
  });
  return any;
}

/** Works on a directory's entries, some at a time, however many there are. */
async function forEachEntry(directory: string, work: (entry: Dirent) => Promise<void>): Promise<void> {
  let some: Promise<void>[] = [];
  for await (const entry of await opendir(directory, { bufferSize: AT_ONCE })) {
    some.push(work(entry));
    if (some.length < AT_ONCE) continue;
    await Promise.all(some);
    some = [];
  }
  await Promise.all(some);
}
