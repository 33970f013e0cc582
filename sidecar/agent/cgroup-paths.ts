import type { ProcFiles } from "./proc-files.ts";

/** A process's cgroup as folders that can be read here. */
export type CgroupFolders =
  | { readonly version: 2; readonly folder: string; readonly mount: string }
  | {
      readonly version: 1;
      /** Folder of each controller that is mounted here, e.g. `cpu`, `cpuacct`, `cpuset`, `memory`. */
      readonly folders: ReadonlyMap<string, string>;
      readonly mounts: ReadonlyMap<string, string>;
    };

interface CgroupMount {
  readonly root: string;
  readonly folder: string;
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
}

/** The cgroup mounts of /proc/PID/mountinfo (proc_pid_mountinfo(5)). */
export function parseCgroupMounts(mountinfo: string): CgroupMount[] {
  const mounts: CgroupMount[] = [];
  for (const line of mountinfo.split("\n")) {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , root, folder] = before.split(" ").map(unescapePath);
    const [type, , options = ""] = after.split(" ");
    if (root === undefined || folder === undefined) continue;
    if (type === "cgroup2") mounts.push({ root, folder, version: 2, controllers: [] });
    if (type === "cgroup") mounts.push({ root, folder, version: 1, controllers: options.split(",") });
  }
  return mounts;
}

/** Paths of /proc/PID/cgroup by controller; cgroup v2's has the name "". */
export function parseCgroupPaths(text: string): ReadonlyMap<string, string> {
  const paths = new Map<string, string>();
  for (const line of text.trim().split("\n")) {
    const [id, controllers = "", ...path] = line.split(":");
    if (id === undefined || path.length === 0) continue;
    for (const controller of controllers.split(",")) paths.set(controller, path.join(":"));
  }
  return paths;
}

/**
 * Where a cgroup's files are, or undefined when they cannot be seen from here. Version 1 is taken where its cpu controller is mounted: in a mixed
 * system that is where the limits are.
 * @param paths of {@link parseCgroupPaths}
 * @param mounts of {@link parseCgroupMounts}
 */
export function locateCgroup(
  paths: ReadonlyMap<string, string>,
  mounts: readonly CgroupMount[],
): CgroupFolders | undefined {
  const folders = new Map<string, string>();
  const tops = new Map<string, string>();
  for (const mount of mounts)
    for (const controller of mount.version === 1 ? mount.controllers : []) {
      const folder = folderIn(mount, paths.get(controller));
      if (folder === undefined) continue;
      folders.set(controller, folder);
      tops.set(controller, mount.folder);
    }
  if (folders.has("cpu") && folders.has("cpuacct")) return { version: 1, folders, mounts: tops };
  for (const mount of mounts) {
    const folder = mount.version === 2 ? folderIn(mount, paths.get("")) : undefined;
    if (folder !== undefined) return { version: 2, folder, mount: mount.folder };
  }
  return undefined;
}

/** The folder of a cgroup in a mount that may show only the part of the tree below its root. */
function folderIn(mount: CgroupMount, path: string | undefined): string | undefined {
  // A path that climbs out of the namespace names a cgroup that this container cannot see.
  if (path === undefined || path.split("/").includes("..")) return undefined;
  const root = mount.root === "/" ? "" : mount.root;
  if (path !== root && !path.startsWith(`${root}/`)) return undefined;
  const rest = path.slice(root.length);
  return rest === "/" ? mount.folder : `${mount.folder}${rest}`;
}

/** The cgroup of a process, by default our own. */
export function cgroupOf(files: ProcFiles, pid: number | "self" = "self"): CgroupFolders | undefined {
  const paths = files.read(`proc/${pid}/cgroup`);
  const mountinfo = files.read("proc/self/mountinfo");
  if (paths === undefined || mountinfo === undefined) return undefined;
  return locateCgroup(parseCgroupPaths(paths), parseCgroupMounts(mountinfo));
}

/**
 * The cgroup that a setting names: a folder (of any controller with cgroup v1), as the host mounts it, or a path as /proc/PID/cgroup shows it.
 * @returns undefined when there is no such cgroup
 */
export function cgroupNamed(files: ProcFiles, name: string): CgroupFolders | undefined {
  const mounts = parseCgroupMounts(files.read("proc/self/mountinfo") ?? "");
  const path = name.replace(/\/+$/, "");
  for (const mount of mounts) {
    if (path !== mount.folder && !path.startsWith(`${mount.folder}/`)) continue;
    const inside = `${mount.root === "/" ? "" : mount.root}${path.slice(mount.folder.length)}` || "/";
    const found = located(files, inside, mounts);
    if (found !== undefined) return found;
  }
  // A folder that no cgroup mount of ours leads to: a host's tree mounted into this container from elsewhere.
  if (files.read(`${path}/cpu.stat`)?.includes("usage_usec") === true) return { version: 2, folder: path, mount: path };
  if (files.read(`${path}/cpuacct.usage`) !== undefined) {
    const folders = new Map(["cpu", "cpuacct", "cpuset", "memory"].map((controller) => [controller, path]));
    return { version: 1, folders, mounts: folders };
  }
  return located(files, path === "" ? "/" : path, mounts);
}

function located(files: ProcFiles, path: string, mounts: readonly CgroupMount[]): CgroupFolders | undefined {
  const names = new Set(["", ...mounts.flatMap((mount) => mount.controllers)]);
  const found = locateCgroup(new Map([...names].map((name) => [name, path])), mounts);
  const first = found?.version === 1 ? found.folders.get("cpuacct") : found?.folder;
  return first !== undefined &&
    files.read(`${first}/cpu.stat`) === undefined &&
    files.read(`${first}/cpuacct.usage`) === undefined
    ? undefined
    : found;
}

/** mountinfo writes space, tab, line break and backslash in octal. */
function unescapePath(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
