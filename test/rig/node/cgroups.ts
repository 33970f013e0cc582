import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
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
  }
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
