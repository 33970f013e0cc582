import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { availableParallelism, getPriority } from "node:os";
import { join } from "node:path";

const ROOT = "/sys/fs/cgroup";

/** The name of a rig's own control group, under which its pods run: `/kubepods` may be some other kubelet's. */
export const cgroupName = (rig: string): string => `evenkeel-rig-${rig}`;

/** Makes a group in every hierarchy: one for cgroup v2, one for each controller of v1. */
export function makeCgroups(name: string, root: string = ROOT): void {
  if (isUnified(root)) enableControllers(root);
  for (const hierarchy of hierarchies(root)) {
    const group = join(hierarchy, name);
    mkdirSync(group, { recursive: true });
    // A new v1 cpuset is empty, and nothing may run in an empty one.
    for (const file of ["cpuset.cpus", "cpuset.mems"])
      if (existsSync(join(hierarchy, "tasks")) && existsSync(join(group, file)))
        writeFileSync(join(group, file), readFileSync(join(hierarchy, file)));
    for (const [file, value] of Object.entries(cpuWeight(availableParallelism(), getPriority())))
      if (existsSync(join(group, file))) writeFileSync(join(group, file), String(value));
  }
}

/**
 * What a group weighs against the machine's other work: as much as a process of that niceness on each CPU. By itself it
 * would weigh as much as one process, however many pods are in it, and niceness counts inside of groups only.
 * @returns by the file's name, of version 1 and of version 2
 */
export function cpuWeight(cpus: number, nice: number): Record<"cpu.shares" | "cpu.weight", number> {
  // One step of niceness is a fourth: kernel/sched/core.c, sched_prio_to_weight.
  const processes = cpus * 1.25 ** -nice;
  const within = (least: number, value: number, most: number) => Math.min(most, Math.max(least, Math.round(value)));
  return { "cpu.shares": within(2, 1024 * processes, 262_144), "cpu.weight": within(1, 100 * processes, 10_000) };
}

/** Removes a group with all below it; a group that still has processes stays, and is named in the answer. */
export function removeCgroups(name: string, root: string = ROOT): string[] {
  return hierarchies(root).flatMap((hierarchy) => removeGroup(join(hierarchy, name)));
}

function removeGroup(group: string): string[] {
  if (!existsSync(group)) return [];
  const below = readdirSync(group, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => removeGroup(join(group, entry.name)));
  try {
    rmdirSync(group);
    return below;
  } catch {
    return [...below, group];
  }
}

function isUnified(root: string): boolean {
  return existsSync(join(root, "cgroup.controllers"));
}

function hierarchies(root: string): string[] {
  if (isUnified(root)) return [root];
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .map((entry) => join(root, entry))
    .filter((path) => existsSync(join(path, "cgroup.procs")));
}

/** What the root does not hand on, no group below it can use. */
function enableControllers(root: string): void {
  const controllers = readFileSync(join(root, "cgroup.controllers"), "utf8").trim().split(" ");
  for (const controller of controllers)
    try {
      writeFileSync(join(root, "cgroup.subtree_control"), `+${controller}`);
    } catch {
      // Some cannot be handed on, cpu while real-time tasks run for instance; kubelet names those that it misses.
    }
}
