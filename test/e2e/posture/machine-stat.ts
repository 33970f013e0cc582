import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { availableParallelism, uptime } from "node:os";
import { join } from "node:path";
import { cgroupNamed } from "../../../sidecar/agent/cgroup-paths.ts";
import { cgroupMeter } from "../../../sidecar/agent/meter.ts";
import { ProcFiles } from "../../../sidecar/agent/proc-files.ts";
import { cpuShares, type Reading } from "../../../sidecar/agent/wanted.ts";

/** What /proc/stat counts in: USER_HZ, 100 a second on every machine that Node runs on. */
const TICKS = 100;
const EVERY_MS = 1000;

/** What each core of a machine has done since it was started, in seconds. */
export interface CoreTimes {
  readonly user: number;
  /** Was to work and could not, as the core was somebody else's. */
  readonly steal: number;
  readonly idle: number;
}

/** Adds what was measured in some time, evenly on all cores. What was waited for is stolen, as a virtual machine shows it. */
export function addReading(times: CoreTimes, reading: Reading, cores: number, elapsedNs: number): CoreTimes {
  const { used, utilisation } = cpuShares(reading, cores, elapsedNs);
  const seconds = elapsedNs / 1e9;
  return {
    user: times.user + used * seconds,
    steal: times.steal + (utilisation - used) * seconds,
    idle: times.idle + (1 - utilisation) * seconds,
  };
}

/**
 * The text of /proc/stat for it.
 * @see https://docs.kernel.org/filesystems/proc.html#miscellaneous-kernel-statistics-in-proc-stat
 */
export function machineStat({ user, steal, idle }: CoreTimes, cores: number): string {
  const ticks = (seconds: number, times: number) => Math.round(seconds * TICKS) * times;
  // user nice system idle iowait irq softirq steal guest guest_nice
  const line = (name: string, times: number) =>
    `${name} ${ticks(user, times)} 0 0 ${ticks(idle, times)} 0 0 0 ${ticks(steal, times)} 0 0`;
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
  const meter = cgroupMeter(files, found, process.pid);
  ends.defer(() => meter.close());
  mkdirSync(folder, { recursive: true });
  const cores = availableParallelism();
  let times: CoreTimes = { user: 0, steal: 0, idle: uptime() };
  let lastMs = performance.now();
  const look = () => {
    const nowMs = performance.now();
    const reading = meter.look(nowMs);
    // A group that is gone leaves the last figures, which tell of no idle time any more.
    if (reading === undefined) return;
    if (nowMs > lastMs) times = addReading(times, reading, cores, (nowMs - lastMs) * 1e6);
    lastMs = nowMs;
    writeWhole(join(folder, "stat"), machineStat(times, cores));
  };
  look();
  const timer = setInterval(look, EVERY_MS);
  ends.defer(() => clearInterval(timer));
  return folder;
}

/** It is read at any time. */
function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}
