import { randomUUID } from "node:crypto";
import { link, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { EvenkeelError } from "../errors.ts";

/** A holder touches its lock this often, in milliseconds. */
const TOUCH_MS = 5_000;
/** A lock untouched for this long has no holder any more, wherever that ran, in milliseconds. */
const STALE_MS = 120_000;
const POLL_MS = 200;

export interface LockOptions {
  /** How long to wait for another holder, in milliseconds. */
  readonly waitMs: number;
  /** Called once, when another holder must be waited for. */
  readonly onWait?: () => void;
  /** Ends the wait, not the work. */
  readonly signal?: AbortSignal | undefined;
}

let taken = 0;

/**
 * Runs `work` while holding a lock file, so that two processes (or two calls in one) never do it at once. A lock whose
 * holder is dead is broken.
 * @throws EvenkeelError EK_TIMEOUT when another holder keeps it too long; the signal's reason; whatever `work` throws
 */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const own = `${process.pid} ${hostname()} ${++taken}\n`;
  await acquire(path, own, options);
  const touching = setInterval(() => {
    const now = new Date();
    // Gone means that somebody broke it; the work is then merely done twice.
    utimes(path, now, now).catch(() => undefined);
  }, TOUCH_MS);
  try {
    return await work();
  } finally {
    clearInterval(touching);
    if ((await contentOf(path)) === own) await rm(path, { force: true });
  }
}

async function acquire(path: string, own: string, options: LockOptions): Promise<void> {
  // Random, as containers that share a disk all have the same pids.
  const mine = `${path}.${process.pid}.${randomUUID()}`;
  const deadline = Date.now() + options.waitMs;
  await writeFile(mine, own);
  try {
    for (let waits = 0; ; waits++) {
      options.signal?.throwIfAborted();
      try {
        // A link appears with its content, unlike a file that is first made and then written.
        await link(mine, path);
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      if (await breakIfStale(path, `${mine}.broken`)) continue;
      if (waits === 0) options.onWait?.();
      if (Date.now() > deadline)
        throw new EvenkeelError("EK_TIMEOUT", `another process holds the lock since over ${options.waitMs / 1000} s`, {
          where: path,
          next: "end that process, or remove the lock file if there is none",
        });
      await sleep(POLL_MS);
    }
  } finally {
    await rm(mine, { force: true });
  }
}

async function breakIfStale(path: string, aside: string): Promise<boolean> {
  const content = await contentOf(path);
  if (content === undefined) return true;
  if (!(await isStale(path, content))) return false;
  try {
    await rename(path, aside);
  } catch {
    return true;
  }
  // Another waiter may have broken it first and taken it: give that one back.
  if ((await contentOf(aside)) !== content) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
  return true;
}

async function isStale(path: string, content: string): Promise<boolean> {
  const [pid, host] = content.trim().split(" ");
  if (host === hostname() && !isAlive(Number(pid))) return true;
  const touched = await stat(path).then(
    (found) => found.mtimeMs,
    () => Date.now(),
  );
  return Date.now() - touched > STALE_MS;
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function contentOf(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}
