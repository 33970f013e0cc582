import { type Cgroup, type CgroupCounters, openCgroup } from "./cgroup.ts";
import { type CgroupFolders, cgroupOf } from "./cgroup-paths.ts";
import { cgroupDiscovery, type Discovery } from "./discovery.ts";
import {
  advance,
  parseAllowedCpus,
  parseMachineStat,
  parseMemTotal,
  parsePressure,
  parseProcessStat,
} from "./parse.ts";
import type { ProcFiles } from "./proc-files.ts";
import { ProcessSet } from "./process-set.ts";
import { NOTHING, type Reading } from "./wanted.ts";

/** Size of a page; Node cannot ask for it, and machines with larger pages are rare enough for an estimate of memory. */
const PAGE_BYTES = 4096;

/** Measures one target. */
export interface Meter {
  /** What happened since the last look; {@link NOTHING} at the first. Undefined when the target is not there. */
  look(nowMs: number): Reading | undefined;
  /** Cores that the target may use, as the kernel limits it. Above 0. */
  capacity(): number;
  /** Used share of the memory that it may use, 0 to 1. */
  memory(): number;
  /** Whether the target is there: cheap, for when nobody asks for figures. */
  alive(): boolean;
  close(): void;
}

/** A cgroup: its counters, and how long its processes waited where the kernel does not tell that of the cgroup. */
export function cgroupMeter(files: ProcFiles, folders: CgroupFolders, self: number): Meter {
  const cgroup = openCgroup(files, folders);
  const waits =
    cgroup.counters()?.pressureNs === undefined
      ? new ProcessSet(files, cgroupDiscovery(files, cgroup.folder), new Set([self]))
      : undefined;
  const elapsed = elapsedNs();
  const since = cgroupSince(cgroup);
  return {
    look(nowMs) {
      const reading = since();
      if (reading === undefined) return undefined;
      return { ...reading, waitedNs: waits?.look(nowMs, elapsed(nowMs)).waitedNs ?? 0 };
    },
    capacity: () => Math.min(cgroup.quota() ?? Infinity, cgroup.cpuset() ?? coresOf(files, "self")),
    memory: () => cgroup.memory() ?? machineMemory(files),
    alive: () => cgroup.counters() !== undefined,
    close() {
      cgroup.close();
      waits?.close();
    },
  };
}

/** A process and all below it. The quota of its cgroup limits it, too, where that can be seen. */
export function treeMeter(files: ProcFiles, discovery: Discovery, root: number, self: number): Meter {
  const stat = files.file(`proc/${root}/stat`);
  const born = startIn(stat.read());
  const folders = cgroupOf(files, root);
  const cgroup = folders === undefined ? undefined : openCgroup(files, folders);
  const since = cgroup?.quota() === undefined ? undefined : cgroupSince(cgroup);
  const set = new ProcessSet(files, discovery, new Set([self]));
  const elapsed = elapsedNs();
  const alive = () => {
    const start = startIn(stat.read());
    return start !== undefined && start === born;
  };
  return {
    look(nowMs) {
      if (!alive()) return undefined;
      return { ...NOTHING, ...set.look(nowMs, elapsed(nowMs)), throttledNs: since?.()?.throttledNs ?? 0 };
    },
    capacity: () => Math.min(cgroup?.quota() ?? Infinity, coresOf(files, root)),
    memory: () => setMemory(files, set),
    alive,
    close() {
      stat.close();
      set.close();
      cgroup?.close();
    },
  };
}

/** Every process that can be seen, but the agent. */
export function visibleMeter(files: ProcFiles, discovery: Discovery, self: number): Meter {
  const set = new ProcessSet(files, discovery, new Set([self]));
  const elapsed = elapsedNs();
  return {
    look(nowMs) {
      const reading = set.look(nowMs, elapsed(nowMs));
      return set.size === 0 ? undefined : { ...NOTHING, ...reading };
    },
    capacity: () => coresOf(files, "self"),
    memory: () => setMemory(files, set),
    alive: () => true,
    close: () => set.close(),
  };
}

/** The whole machine. What a hypervisor gave to others while we had work counts as waiting. */
export function machineMeter(files: ProcFiles): Meter {
  const stat = files.file("proc/stat");
  const pressure = files.file("proc/pressure/cpu");
  const read = () => {
    const cpu = parseMachineStat(stat.read() ?? "");
    return cpu === undefined ? undefined : { ...cpu, pressureNs: parsePressure(pressure.read() ?? "") ?? 0 };
  };
  let last = read();
  return {
    look() {
      const now = read();
      const before = last;
      last = now;
      if (now === undefined || before === undefined) return undefined;
      return {
        usedNs: advance(before.usedNs, now.usedNs),
        waitedNs: advance(before.stolenNs, now.stolenNs),
        pressureNs: advance(before.pressureNs, now.pressureNs),
        throttledNs: 0,
      };
    },
    capacity: () => coresOf(files, 1),
    memory: () => machineMemory(files),
    alive: () => true,
    close() {
      stat.close();
      pressure.close();
    },
  };
}

/** Cores that a process may run on. */
function coresOf(files: ProcFiles, pid: number | "self"): number {
  return parseAllowedCpus(files.read(`proc/${pid}/status`) ?? "") ?? 1;
}

/** When a process started, by its stat; undefined when there is none, or only what is left of an ended one. */
function startIn(text: string | undefined): number | undefined {
  const stat = parseProcessStat(text ?? "");
  return stat === undefined || stat.state === "Z" || stat.state === "X" ? undefined : stat.startTicks;
}

function cgroupSince(cgroup: Cgroup): () => Reading | undefined {
  let last: CgroupCounters | undefined;
  return () => {
    const now = cgroup.counters();
    const before = last ?? now;
    last = now;
    if (now === undefined || before === undefined) return undefined;
    return {
      usedNs: advance(before.usedNs, now.usedNs),
      waitedNs: 0,
      pressureNs: advance(before.pressureNs ?? 0, now.pressureNs ?? 0),
      throttledNs: advance(before.throttledNs, now.throttledNs),
    };
  };
}

function elapsedNs(): (nowMs: number) => number {
  let last: number | undefined;
  return (nowMs) => {
    const elapsed = last === undefined ? 0 : nowMs - last;
    last = nowMs;
    return elapsed * 1e6;
  };
}

function setMemory(files: ProcFiles, set: ProcessSet): number {
  const total = memTotal(files);
  return total === undefined ? 0 : Math.min(1, (set.residentPages * PAGE_BYTES) / total);
}

function machineMemory(files: ProcFiles): number {
  const text = files.read("proc/meminfo") ?? "";
  const total = parseMemTotal(text);
  const available = /^MemAvailable:\s*(\d+) kB/m.exec(text)?.[1];
  if (total === undefined || available === undefined) return 0;
  return Math.min(1, Math.max(0, 1 - (Number(available) * 1024) / total));
}

function memTotal(files: ProcFiles): number | undefined {
  return parseMemTotal(files.read("proc/meminfo") ?? "");
}
