/** Readers of the kernel's text files. Pure; each answers undefined to text that it does not know. */

/** Length of one clock tick of /proc/PID/stat in nanoseconds. USER_HZ is 100 on every Linux architecture that Node runs on. */
export const TICK_NS = 10_000_000;

/** /proc/PID/schedstat: time on a CPU, time runnable but waiting for one, times it was given one (kernel: sched-stats.rst). */
export interface SchedStat {
  readonly ranNs: number;
  readonly waitedNs: number;
  readonly turns: number;
}

export function parseSchedStat(text: string): SchedStat | undefined {
  // Read more often than any other file: cut by hand.
  const first = text.indexOf(" ");
  const second = text.indexOf(" ", first + 1);
  if (first <= 0 || second < 0) return undefined;
  const ran = Number(text.slice(0, first));
  const waited = Number(text.slice(first + 1, second));
  const turns = Number(text.slice(second + 1));
  // A kernel without the accounting prints three zeros; a task that has never had a CPU cannot be told from it, and has nothing to say.
  if (!Number.isFinite(ran + waited + turns) || turns === 0) return undefined;
  return { ranNs: ran, waitedNs: waited, turns };
}

/** What we need of /proc/PID/stat (proc_pid_stat(5)). Times are of all threads, ended ones too. */
export interface ProcessStat {
  readonly name: string;
  /** R runnable, S asleep, Z ended but not yet waited for, … */
  readonly state: string;
  readonly parent: number;
  readonly usedNs: number;
  /** Of ended children that were waited for, and of theirs. */
  readonly childrenNs: number;
  readonly threads: number;
  /** In ticks since the machine's start: tells two processes of one PID apart. */
  readonly startTicks: number;
  readonly residentPages: number;
}

export function parseProcessStat(text: string): ProcessStat | undefined {
  // The name stands in parentheses and may hold spaces and parentheses itself.
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 0 || close < open) return undefined;
  const rest = text.slice(close + 2).split(" ");
  const field = (number: number) => Number(rest[number - 3]);
  const stat = {
    name: text.slice(open + 1, close),
    state: rest[0] ?? "",
    parent: field(4),
    usedNs: (field(14) + field(15)) * TICK_NS,
    childrenNs: (field(16) + field(17)) * TICK_NS,
    threads: field(20),
    startTicks: field(22),
    residentPages: field(24),
  };
  return Number.isFinite(stat.usedNs + stat.childrenNs + stat.parent + stat.startTicks) ? stat : undefined;
}

/** Files of `name value` lines: cpu.stat and memory.stat of both cgroup versions. */
export function parseFlatKeyed(text: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [name, value] = line.split(" ");
    if (name !== undefined && value !== undefined && value !== "") values.set(name, Number(value));
  }
  return values;
}

/** Pressure stall information: the `some` total in nanoseconds (kernel: accounting/psi.rst; the file counts microseconds). */
export function parsePressure(text: string): number | undefined {
  const micros = /^some .*\btotal=(\d+)/m.exec(text)?.[1];
  return micros === undefined ? undefined : Number(micros) * 1000;
}

/** cpu.max of cgroup v2, `QUOTA PERIOD` or `max PERIOD`: cores, or undefined when there is no limit. */
export function parseCpuMax(text: string): number | undefined {
  const [quota, period] = text.trim().split(" ").map(Number);
  return quota !== undefined && period !== undefined && quota > 0 && period > 0 ? quota / period : undefined;
}

/** A list of numbers and ranges such as `0-3,8`: how many there are; undefined for an empty list. */
export function countCpuList(text: string): number | undefined {
  let count = 0;
  for (const part of text.trim().split(",")) {
    const [from, to] = part.split("-").map(Number);
    if (part === "" || from === undefined || !Number.isInteger(from)) return undefined;
    count += (to ?? from) - from + 1;
  }
  return count > 0 ? count : undefined;
}

/** The cores that a process may run on, from its /proc/PID/status. */
export function parseAllowedCpus(status: string): number | undefined {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1];
  return list === undefined ? undefined : countCpuList(list);
}

/** Whole numbers separated by white space: `children`, `cgroup.procs`. A 0 stands for a process that this namespace cannot name. */
export function parsePids(text: string): number[] {
  return text
    .split(/\s+/)
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid > 0);
}

/** /proc/loadavg ends with the PID given last in this PID namespace: it moves when a process or thread was made. */
export function parseLastPid(loadavg: string): number | undefined {
  const last = Number(loadavg.trim().split(" ")[4] ?? "x");
  return Number.isInteger(last) ? last : undefined;
}

/** MemTotal of /proc/meminfo in bytes. */
export function parseMemTotal(meminfo: string): number | undefined {
  const kib = /^MemTotal:\s*(\d+) kB/m.exec(meminfo)?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

/** The `cpu` line of /proc/stat: time that all cores worked, and time that the hypervisor gave to others (steal), in nanoseconds. */
export function parseMachineStat(text: string): { readonly usedNs: number; readonly stolenNs: number } | undefined {
  const line = /^cpu +(.*)$/m.exec(text)?.[1];
  if (line === undefined) return undefined;
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line.split(" ").map(Number);
  return { usedNs: (user + nice + system + irq + softirq) * TICK_NS, stolenNs: steal * TICK_NS };
}

/** How far a counter has come. One that went backwards was reset, and says nothing of this interval. */
export function advance(before: number, now: number): number {
  return now > before ? now - before : 0;
}
