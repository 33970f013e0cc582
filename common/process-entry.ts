import { readdirSync, readFileSync } from "node:fs";

/** One line of the process table. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  /** Its process group. */
  readonly group: number;
  /** When it started, in clock ticks since boot: tells a process from a later one with the same pid. */
  readonly startTicks: string;
  /** Whether it has ended and only waits for its parent to look. */
  readonly isZombie: boolean;
}

/** Reads `/proc/PID/stat`; undefined when there is no such process. */
export function readProcess(pid: number): ProcessEntry | undefined {
  try {
    return parseProcessEntry(pid, readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return undefined;
  }
}

/** All processes that can be seen from here. Linux only. */
export function readProcesses(): ProcessEntry[] {
  return readdirSync("/proc").flatMap((name) => {
    const entry = /^\d+$/.test(name) ? readProcess(Number(name)) : undefined;
    return entry === undefined ? [] : [entry];
  });
}

/** @param stat what `/proc/PID/stat` says; fields as in proc_pid_stat(5) */
export function parseProcessEntry(pid: number, stat: string): ProcessEntry {
  // The second field, the command's name in brackets, may hold anything, brackets and spaces too.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return {
    pid,
    parent: Number(fields[1]),
    group: Number(fields[2]),
    startTicks: String(fields[19]),
    isZombie: fields[0] === "Z" || fields[0] === "X",
  };
}
