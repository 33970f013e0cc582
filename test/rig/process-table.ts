import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

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
  if (process.platform === "linux") return processes().some((each) => each.group === group && !isDead(each.state));
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}

/** A child of a process, if it has one. Linux only. */
export function childOf(parent: number): number | undefined {
  return processes().find((each) => each.parent === parent)?.pid;
}

/** What /proc/PID/stat says, as far as it is needed here. */
export interface Stat {
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly started: string;
}

/** Reads the fields after the command name, which may itself hold spaces and brackets: proc(5). */
export function parseStat(stat: string): Stat {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return {
    state: fields[0] ?? "",
    parent: Number(fields[1]),
    group: Number(fields[2]),
    started: fields[19] ?? "",
  };
}

function processes(): (Stat & { readonly pid: number })[] {
  return readdirSync("/proc").flatMap((entry) => {
    const stat = /^\d+$/.test(entry) ? readStat(Number(entry)) : undefined;
    return stat === undefined ? [] : [{ ...stat, pid: Number(entry) }];
  });
}

function readStat(pid: number): Stat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return undefined;
  }
}

const isDead = (state: string): boolean => state === "Z" || state === "X";

function startedLinux(pid: number): string | undefined {
  const stat = readStat(pid);
  return stat === undefined || isDead(stat.state) ? undefined : stat.started;
}

function startedElsewhere(pid: number): string | undefined {
  try {
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim() || undefined;
  } catch {
    return undefined;
  }
}
