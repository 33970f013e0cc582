import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { availableParallelism, uptime } from "node:os";
import { join } from "node:path";
import { type Cgroup, openCgroup } from "../../../sidecar/agent/cgroup.ts";
import { cgroupNamed } from "../../../sidecar/agent/cgroup-paths.ts";
import { ProcFiles } from "../../../sidecar/agent/proc-files.ts";

/** What /proc/stat counts in: USER_HZ, 100 a second on every machine that Node runs on. */
const TICKS = 100;
const EVERY_MS = 500;

/**
 * The text of a machine's /proc/stat whose only work is `usedS` seconds of CPU, evenly on all its cores.
 * @param upS how long it is up, in seconds
 * @see https://docs.kernel.org/filesystems/proc.html#miscellaneous-kernel-statistics-in-proc-stat
 */
export function machineStat(usedS: number, upS: number, cores: number): string {
  const user = Math.round((usedS / cores) * TICKS);
  const idle = Math.max(0, Math.round(upS * TICKS) - user);
  // user nice system idle iowait irq softirq steal guest guest_nice
  const line = (name: string, times: number) => `${name} ${user * times} 0 0 ${idle * times} 0 0 0 0 0 0`;
  const each = Array.from({ length: cores }, (_, core) => line(`cpu${core}`, 1));
  return `${[line("cpu ", cores), ...each].join("\n")}\n`;
}

/**
 * Keeps a folder as the /proc of a machine whose only work is that of a control group, so that a node exporter tells of that
 * group (`--path.procfs`). It is what LXCFS does for containers.
 * @param cgroup its path below each hierarchy
 * @returns the folder
 */
export function followMachine(cgroup: string, folder: string, ends: AsyncDisposableStack): string {
  const files = new ProcFiles();
  const found = cgroupNamed(files, `/${cgroup}`);
  if (found === undefined) throw new Error(`there is no control group ${cgroup}`);
  const group = openCgroup(files, found);
  ends.defer(() => group.close());
  mkdirSync(folder, { recursive: true });
  writeStat(group, folder);
  const timer = setInterval(() => writeStat(group, folder), EVERY_MS);
  ends.defer(() => clearInterval(timer));
  return folder;
}

/** Whole or not at all: it is read at any time. A group that is gone leaves the last one, which tells of no idle time any more. */
function writeStat(group: Cgroup, folder: string): void {
  const used = group.counters()?.usedNs;
  if (used === undefined) return;
  const path = join(folder, "stat");
  writeFileSync(`${path}.new`, machineStat(used / 1e9, uptime(), availableParallelism()));
  renameSync(`${path}.new`, path);
}
