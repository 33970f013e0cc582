import { visiblePids } from "./discovery.ts";
import { parseProcessStat } from "./parse.ts";
import type { ProcFiles } from "./proc-files.ts";

/** What can be measured. `auto` chooses one of the others. */
export const SCOPES = ["auto", "cgroup", "tree", "visible", "machine"] as const;
export type Scope = (typeof SCOPES)[number];

export interface Choice {
  /** Undefined: there is nothing that would say how busy the worker is. */
  readonly scope: Exclude<Scope, "auto"> | undefined;
  /** One sentence for the log. */
  readonly reason: string;
}

/** What tells where the agent runs. */
export interface Surroundings {
  readonly cgroupGiven: boolean;
  readonly pidGiven: boolean;
  /** The kernel's own threads are visible: this is a host, or a pod with hostPID. */
  readonly isHost: boolean;
  /** PID 1 is in another cgroup than the agent: the containers of a pod share one process namespace. */
  readonly firstIsElsewhere: boolean;
  /** Names of visible processes that are neither the agent nor wrapped around it. */
  readonly others: readonly string[];
}

/** Programs that only start the agent, and are no worker. */
const WRAPPERS = /^(sh|bash|dash|ash|busybox|tini|dumb-init|docker-init|catatonit|npm.*|npx)$/;

/** Decides what to measure. Pure. */
export function chooseScope(asked: Scope, around: Surroundings): Choice {
  if (asked !== "auto") return { scope: asked, reason: `--scope ${asked}` };
  if (around.cgroupGiven) return { scope: "cgroup", reason: "--cgroup names it" };
  if (around.pidGiven) return { scope: "tree", reason: "--pid names its root" };
  if (around.isHost) return { scope: "machine", reason: "the agent sees the machine's own processes" };
  if (around.firstIsElsewhere)
    return {
      scope: "visible",
      reason:
        "the containers of this pod share their process namespace: all of them are measured, the agent itself is not",
    };
  if (around.others.length > 0)
    return { scope: "cgroup", reason: `the agent shares its container with ${around.others.slice(0, 3).join(", ")}` };
  return {
    scope: undefined,
    reason:
      "the agent sees no process but its own, which says nothing of the worker: give the pod shareProcessNamespace: true, or run the agent in the worker's container, or name what to measure by --pid or --cgroup",
  };
}

/** Looks around. */
export function lookAround(
  files: ProcFiles,
  self: number,
  given: { readonly cgroup: boolean; readonly pid: boolean },
): Surroundings {
  const stats = new Map(
    visiblePids(files).flatMap((pid) => {
      const stat = parseProcessStat(files.read(`proc/${pid}/stat`) ?? "");
      return stat === undefined ? [] : [[pid, stat] as const];
    }),
  );
  const around = new Set<number>();
  for (let pid = self; stats.has(pid) && !around.has(pid); pid = stats.get(pid)?.parent ?? 0) around.add(pid);
  const others = [...stats].filter(([pid, stat]) => pid !== self && !(around.has(pid) && WRAPPERS.test(stat.name)));
  const first = files.read("proc/1/cgroup");
  const own = files.read("proc/self/cgroup");
  return {
    cgroupGiven: given.cgroup,
    pidGiven: given.pid,
    isHost: stats.get(2)?.name === "kthreadd",
    firstIsElsewhere: first !== undefined && own !== undefined && first !== own,
    others: others.map(([, stat]) => stat.name),
  };
}
