import { readProcesses } from "../../common/process-entry.ts";

/** The pids of all processes below `root`, without `root` itself. */
export function descendants(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const { pid, parent } of readProcesses()) children.set(parent, [...(children.get(parent) ?? []), pid]);
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
