import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { isAlive, type ProcessId, self } from "./process-table.ts";

/** What a lock file says: who holds it, and for what. */
export interface LockHolder {
  readonly process: ProcessId;
  /** For people, e.g. the rig's name. */
  readonly purpose: string;
}

/** A lock that this process holds. */
export interface Lock {
  /** Hands it to a process that lives longer than this one. */
  handOver(process: ProcessId): void;
  release(): void;
}

/**
 * Takes a lock file, or says who has it. A lock whose process has ended is taken over.
 * @returns the lock, or the living holder
 */
export function tryLock(path: string, purpose: string): Lock | LockHolder {
  mkdirSync(dirname(path), { recursive: true });
  for (;;) {
    try {
      writeFileSync(path, JSON.stringify({ process: self(), purpose }), { flag: "wx" });
      return heldLock(path, purpose);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = readHolder(path);
    if (holder !== undefined && isAlive(holder.process)) return holder;
    discard(path);
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
  return {
    handOver: (process) => writeFileSync(path, JSON.stringify({ process, purpose })),
    release: () => rmSync(path, { force: true }),
  };
}

/** Moves a dead lock away by its own name first: of two that find it, only one succeeds. */
function discard(path: string): void {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  rmSync(aside, { force: true });
}
