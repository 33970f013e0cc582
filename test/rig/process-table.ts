import { execFileSync } from "node:child_process";
import { readProcess, readProcesses } from "../../common/process-entry.ts";

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessId {
  readonly pid: number;
  /** When it started, in the system's own words; only ever compared. */
  readonly started: string;
}

/** Identifies a living process; undefined when there is none (a zombie counts as none). */
export function identify(pid: number): ProcessId | undefined {
  const started = process.platform === "linux" ? startedLinux(pid) : startedElsewhere(pid);
  return started === undefined ? undefined : { pid, started };
}

/** This process. */
export function self(): ProcessId {
  return { pid: process.pid, started: identify(process.pid)?.started ?? "" };
}

/** Is this very process still there? */
export function isAlive(id: ProcessId): boolean {
  return identify(id.pid)?.started === id.started;
}

export const isSame = (one: ProcessId, other: ProcessId): boolean =>
  one.pid === other.pid && one.started === other.started;

/** Has a process group a living member? Zombies, which a container without an init keeps for ever, count as none. */
export function groupIsAlive(group: number): boolean {
  if (process.platform === "linux") return readProcesses().some((each) => each.group === group && !each.isZombie);
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}

/** A child of a process, if it has one. Linux only. */
export function childOf(parent: number): number | undefined {
  return readProcesses().find((each) => each.parent === parent)?.pid;
}

function startedLinux(pid: number): string | undefined {
  const entry = readProcess(pid);
  return entry === undefined || entry.isZombie ? undefined : entry.startTicks;
}

function startedElsewhere(pid: number): string | undefined {
  try {
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim() || undefined;
  } catch {
    return undefined;
  }
}
