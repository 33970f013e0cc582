import type { CgroupFolders } from "./cgroup-paths.ts";
import { countCpuList, parseCpuMax, parseFlatKeyed, parsePressure } from "./parse.ts";
import type { ProcFiles } from "./proc-files.ts";

/** A cgroup's counters, each growing from its start. In nanoseconds. */
export interface CgroupCounters {
  readonly usedNs: number;
  readonly throttledNs: number;
  /** Undefined where the kernel keeps no pressure information for it. */
  readonly pressureNs: number | undefined;
}

/** What can be read of one cgroup, whichever version it has. */
export interface Cgroup {
  /** Its folder, for messages. */
  readonly folder: string;
  /** Undefined when it is gone. */
  counters(): CgroupCounters | undefined;
  /** Cores that its quota and those above it allow; undefined without a quota. */
  quota(): number | undefined;
  /** Cores of its cpuset; undefined where there is none. */
  cpuset(): number | undefined;
  /** Used share of its memory limit, 0 to 1; undefined without a limit. */
  memory(): number | undefined;
  close(): void;
}

export function openCgroup(files: ProcFiles, folders: CgroupFolders): Cgroup {
  return folders.version === 2 ? openV2(files, folders.folder, folders.mount) : openV1(files, folders);
}

function openV2(files: ProcFiles, folder: string, mount: string): Cgroup {
  const stat = files.file(`${folder}/cpu.stat`);
  // Older kernels have the root's pressure in /proc alone. The root has no type; what a container sees as its root has one, and
  // the machine's pressure is not the container's.
  const isRoot = folder === mount && files.read(`${folder}/cgroup.type`) === undefined;
  const pressure = files.file(
    isRoot && files.read(`${folder}/cpu.pressure`) === undefined ? "proc/pressure/cpu" : `${folder}/cpu.pressure`,
  );
  return {
    folder,
    counters() {
      const values = parseFlatKeyed(stat.read() ?? "");
      const used = values.get("usage_usec");
      if (used === undefined) return undefined;
      return {
        usedNs: used * 1000,
        throttledNs: (values.get("throttled_usec") ?? 0) * 1000,
        pressureNs: parsePressure(pressure.read() ?? ""),
      };
    },
    quota: () => tightest(lineage(folder, mount), (at) => parseCpuMax(files.read(`${at}/cpu.max`) ?? "")),
    cpuset: () => countCpuList(files.read(`${folder}/cpuset.cpus.effective`) ?? ""),
    memory() {
      const limit = tightest(lineage(folder, mount), (at) => limitOf(files.read(`${at}/memory.max`)));
      const idle = parseFlatKeyed(files.read(`${folder}/memory.stat`) ?? "").get("inactive_file");
      return shareOf(files.read(`${folder}/memory.current`), idle, limit);
    },
    close() {
      stat.close();
      pressure.close();
    },
  };
}

function openV1(files: ProcFiles, found: CgroupFolders & { version: 1 }): Cgroup {
  const folder = (controller: string) => found.folders.get(controller) ?? "";
  const lines = (controller: string) => lineage(folder(controller), found.mounts.get(controller) ?? "");
  const usage = files.file(`${folder("cpuacct")}/cpuacct.usage`);
  const stat = files.file(`${folder("cpu")}/cpu.stat`);
  const isRoot = files.read(`${folder("cpuacct")}/cgroup.sane_behavior`) !== undefined;
  // Only the whole machine has pressure information here.
  const pressure = isRoot ? files.file("proc/pressure/cpu") : undefined;
  return {
    folder: folder("cpuacct"),
    counters() {
      const used = usage.read();
      if (used === undefined || used.trim() === "") return undefined;
      return {
        usedNs: Number(used),
        throttledNs: parseFlatKeyed(stat.read() ?? "").get("throttled_time") ?? 0,
        pressureNs: pressure === undefined ? undefined : parsePressure(pressure.read() ?? ""),
      };
    },
    quota: () =>
      tightest(lines("cpu"), (at) => {
        const quota = Number(files.read(`${at}/cpu.cfs_quota_us`) ?? -1);
        const period = Number(files.read(`${at}/cpu.cfs_period_us`) ?? 0);
        return quota > 0 && period > 0 ? quota / period : undefined;
      }),
    cpuset: () => {
      const at = folder("cpuset");
      return countCpuList(files.read(`${at}/cpuset.effective_cpus`) ?? files.read(`${at}/cpuset.cpus`) ?? "");
    },
    memory() {
      const limit = tightest(lines("memory"), (at) => limitOf(files.read(`${at}/memory.limit_in_bytes`)));
      const idle = parseFlatKeyed(files.read(`${folder("memory")}/memory.stat`) ?? "").get("total_inactive_file");
      return shareOf(files.read(`${folder("memory")}/memory.usage_in_bytes`), idle, limit);
    },
    close() {
      usage.close();
      stat.close();
      pressure?.close();
    },
  };
}

/** A folder and those above it, up to the mount: a limit holds for all that is below. */
function lineage(folder: string, mount: string): string[] {
  const found = [folder];
  let at = folder;
  while (at !== mount && at.startsWith(`${mount}/`)) {
    at = at.slice(0, at.lastIndexOf("/"));
    found.push(at);
  }
  return found;
}

function tightest(folders: readonly string[], limit: (folder: string) => number | undefined): number | undefined {
  const limits = folders.map(limit).filter((value) => value !== undefined);
  return limits.length === 0 ? undefined : Math.min(...limits);
}

/** No limit is written as `max`, or with version 1 as a number near 2^63. */
function limitOf(text: string | undefined): number | undefined {
  const bytes = Number(text ?? "x");
  return bytes > 0 && bytes < 2 ** 60 ? bytes : undefined;
}

/** The share in use, without file pages that nobody has touched of late: the kernel takes those back first, and the kubelet leaves them out, too. */
function shareOf(text: string | undefined, idle: number | undefined, limit: number | undefined): number | undefined {
  const used = Number(text ?? "x") - (idle ?? 0);
  return limit === undefined || !Number.isFinite(used) ? undefined : Math.min(1, Math.max(0, used / limit));
}
