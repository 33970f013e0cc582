import { parseLastPid, parsePids, parseProcessStat } from "./parse.ts";
import type { ProcFiles } from "./proc-files.ts";

/** Finds the processes to measure. Listing them costs; a discovery knows when it is worth it. */
export interface Discovery {
  /** Whether the children of a known process belong to it, too, and the kernel lists them: most new processes are found so, at once. */
  readonly followsChildren: boolean;
  /** Whether to list again. */
  due(nowMs: number): boolean;
  /** All of them, parents before their children where that is known. */
  list(nowMs: number): number[];
}

const TREE_EVERY_MS = 2000;
const CGROUP_EVERY_MS = 1000;
const SCAN_AT_MOST_EVERY_MS = 190;
const SCAN_AT_LEAST_EVERY_MS = 5000;

/** Whether this kernel lists each thread's children (CONFIG_PROC_CHILDREN). */
export function hasChildrenLists(files: ProcFiles): boolean {
  return files.read("proc/thread-self/children") !== undefined;
}

/** A process and all below it. */
export function treeDiscovery(files: ProcFiles, root: number): Discovery {
  if (!hasChildrenLists(files)) return scan(files, () => descendants(root, parentsOf(files)));
  return {
    followsChildren: true,
    ...every(TREE_EVERY_MS, () => {
      const found = [root];
      for (const pid of found)
        for (const tid of files.list(`proc/${pid}/task`) ?? [])
          found.push(...parsePids(files.read(`proc/${pid}/task/${tid}/children`) ?? ""));
      return found;
    }),
  };
}

/** Every process that this PID namespace shows. */
export function visibleDiscovery(files: ProcFiles): Discovery {
  return scan(files, () => visiblePids(files));
}

/** The processes of a cgroup and of those below it. */
export function cgroupDiscovery(files: ProcFiles, folder: string): Discovery {
  return {
    followsChildren: hasChildrenLists(files),
    ...every(CGROUP_EVERY_MS, () => cgroupPids(files, folder)),
  };
}

export function visiblePids(files: ProcFiles): number[] {
  return (files.list("proc") ?? [])
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** PIDs in a cgroup folder and those below it. */
export function cgroupPids(files: ProcFiles, folder: string): number[] {
  const own = parsePids(files.read(`${folder}/cgroup.procs`) ?? "");
  // A cgroup's folder holds files named NAME.KEY and one folder for each cgroup below, which may have dots as well.
  const below = (files.list(folder) ?? []).filter(
    (name) => !/^(cgroup|cpu|cpuset|cpuacct|memory|io|pids|hugetlb|rdma|misc|dmem)\./.test(name),
  );
  return [...own, ...below.flatMap((name) => cgroupPids(files, `${folder}/${name}`))];
}

function every(ms: number, list: () => number[]): Pick<Discovery, "due" | "list"> {
  let listedMs = Number.NEGATIVE_INFINITY;
  return {
    due: (nowMs) => nowMs - listedMs >= ms,
    list: (nowMs) => {
      listedMs = nowMs;
      return list();
    },
  };
}

/** A scan of all of /proc: only when the namespace has given a new PID since, and seldom otherwise. */
function scan(files: ProcFiles, list: () => number[]): Discovery {
  const loadavg = files.file("proc/loadavg");
  const lastPid = () => parseLastPid(loadavg.read() ?? "");
  let listedMs = Number.NEGATIVE_INFINITY;
  let listedPid: number | undefined;
  return {
    followsChildren: false,
    due: (nowMs) => {
      const since = nowMs - listedMs;
      if (since < SCAN_AT_MOST_EVERY_MS) return false;
      return since >= SCAN_AT_LEAST_EVERY_MS || lastPid() !== listedPid;
    },
    list: (nowMs) => {
      listedMs = nowMs;
      listedPid = lastPid();
      return list();
    },
  };
}

function parentsOf(files: ProcFiles): ReadonlyMap<number, number> {
  const parents = new Map<number, number>();
  for (const pid of visiblePids(files)) {
    const stat = parseProcessStat(files.read(`proc/${pid}/stat`) ?? "");
    if (stat !== undefined) parents.set(pid, stat.parent);
  }
  return parents;
}

/** A process and all below it, parents first. */
export function descendants(root: number, parents: ReadonlyMap<number, number>): number[] {
  const children = Map.groupBy(parents.keys(), (pid) => parents.get(pid));
  const found = [root];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found;
}
