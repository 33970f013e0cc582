import { readdirSync, readFileSync } from "node:fs";

/** One line of the process table. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  /** When it started, in clock ticks since boot: tells a process from a later one with the same pid. */
  readonly startTicks: string;
}

/**
 * Reads `/proc/PID/stat`; undefined when there is no such process.
 * Fields as in proc_pid_stat(5).
 */
export function readProcess(pid: number): ProcessEntry | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // The second field, the command's name in brackets, may hold anything, brackets and spaces too.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { pid, parent: Number(fields[1]), startTicks: String(fields[19]) };
}

/** The pids of all processes below `root`, without `root` itself. */
export function descendants(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const entry = /^\d+$/.test(name) ? readProcess(Number(name)) : undefined;
    if (entry !== undefined) children.set(entry.parent, [...(children.get(entry.parent) ?? []), entry.pid]);
  }
  const found: number[] = [];
  const below = (pid: number): void => {
    for (const child of children.get(pid) ?? []) {
      found.push(child);
      below(child);
    }
  };
  below(root);
  return found;
}

/** Kills a process and everything below it. */
export function killTree(root: number): void {
  // Found before the root dies: afterwards nothing says that they were its children.
  for (const pid of [...descendants(root), root]) killOne(pid);
}

/** SIGKILL to one process, or with a negative pid to a group; nothing when it has gone. */
export function killOne(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
