import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { isAlive, isSame, type ProcessId, self } from "./process-table.ts";

/** What a lock file says: who holds it, and for what. */
export interface LockHolder {
  readonly process: ProcessId;
  /** For people, e.g. the rig's name. */
  readonly purpose: string;
}

/** A lock that this process has taken. */
export interface Lock {
  /** Is it still its own, or that of the process it was handed to? Somebody may have taken it by force. */
  isHeld(): boolean;
  /** Hands it to a process that lives longer than this one. */
  handOver(process: ProcessId): void;
  /** Gives it back, if it is held. */
  release(): void;
}

/**
 * Takes a lock file, or says who has it. A lock whose process has ended is taken over.
 * @returns the lock, or the living holder
 */
export function tryLock(path: string, purpose: string): Lock | LockHolder {
  mkdirSync(dirname(path), { recursive: true });
  const mine = `${path}.${process.pid}`;
  writeFileSync(mine, JSON.stringify({ process: self(), purpose }));
  try {
    for (;;) {
      try {
        // A link appears with its content: a file that is first made and then written would be taken for half a one.
        linkSync(mine, path);
        return heldLock(path, purpose);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      const holder = readHolder(path);
      if (holder !== undefined && isAlive(holder.process)) return holder;
      discard(path);
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Who holds the lock; undefined when the file is not there or not whole. */
export function readHolder(path: string): LockHolder | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as LockHolder;
  } catch {
    return undefined;
  }
}

function heldLock(path: string, purpose: string): Lock {
  let holder = self();
  const isHeld = () => {
    const found = readHolder(path);
    return found !== undefined && isSame(found.process, holder);
  };
  return {
    isHeld,
    handOver(process) {
      writeFileSync(path, JSON.stringify({ process, purpose }));
      holder = process;
    },
    release() {
      if (isHeld()) rmSync(path, { force: true });
    },
  };
}

/** Moves a dead lock away. Another may have done so first, and taken it since: that one gets it back. */
function discard(path: string): void {
  const aside = `${path}.${process.pid}.dead`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  const holder = readHolder(aside);
  if (holder !== undefined && isAlive(holder.process))
    try {
      linkSync(aside, path);
    } catch {
      // A third one was quicker.
    }
  rmSync(aside, { force: true });
}
