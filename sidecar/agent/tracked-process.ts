import { advance, type ProcessStat, parseProcessStat, TICK_NS } from "./parse.ts";
import type { ProcFile, ProcFiles } from "./proc-files.ts";
import { TrackedThread } from "./tracked-thread.ts";

/** Time of ended children that is awaited from a parent's counter is forgotten after so many looks: some parents never wait for theirs. */
const AWAITED_LOOKS = 2;
/** The user and the system time of a process are each cut to whole ticks. */
const ROUNDING_NS = 2 * TICK_NS;

export interface ProcessLook {
  readonly usedNs: number;
  readonly waitedNs: number;
  /** Threads that ran: only they can have made children. */
  readonly moved: readonly TrackedThread[];
}

const QUIET: ProcessLook = { usedNs: 0, waitedNs: 0, moved: [] };

/**
 * One process with its threads. Times come from the threads' schedstat (nanoseconds); /proc/PID/stat (ticks) is the ledger that tells what threads
 * used that ended unseen, and what ended children used.
 */
export class TrackedProcess {
  readonly pid: number;
  readonly #files: ProcFiles;
  readonly #statFile: ProcFile;
  readonly #threads = new Map<number, TrackedThread>();
  #stat: ProcessStat | undefined;
  #lookNumber = 0;
  /** All that was counted of its own time since its start; what it used before we knew it counts as counted. */
  #countedNs = 0;
  /** Ended children's time, as last read, and what of it is new. */
  #childrenNs = 0;
  #newChildrenNs = 0;
  /** Time that ended children were already counted with while they lived. */
  #awaitedNs = 0;
  #awaitedLooks = 0;

  constructor(files: ProcFiles, pid: number) {
    this.pid = pid;
    this.#files = files;
    this.#statFile = files.file(`proc/${pid}/stat`);
    this.#threads.set(pid, new TrackedThread(files, pid, pid));
  }

  get parent(): number {
    return this.#stat?.parent ?? 0;
  }

  get residentPages(): number {
    return this.#stat?.residentPages ?? 0;
  }

  /** All the time that it stands for in a parent's counter of ended children, as far as it was counted. */
  get lifetimeNs(): number {
    return this.#countedNs + this.#childrenNs;
  }

  get awaitedNs(): number {
    return this.#awaitedNs;
  }

  /** First look at a process that was there before us: what it has used until now does not count. False when it is gone. */
  begin(): boolean {
    const stat = this.#readStat();
    if (stat === undefined) return false;
    this.#refreshThreads();
    for (const thread of this.#threads.values()) thread.look(0);
    this.#countedNs = stat.usedNs;
    this.#childrenNs = stat.childrenNs;
    return true;
  }

  /**
   * What it used and waited for since the last look; since its start when it is new.
   * @param thorough also looks for threads that came and went
   * @returns undefined when it is gone
   */
  look(elapsedNs: number, thorough: boolean): ProcessLook | undefined {
    this.#lookNumber++;
    const isNew = this.#stat === undefined;
    const leader = this.#leader();
    const restless = leader.restless;
    const first = leader.look(elapsedNs);
    // Whatever a process with one thread does, that thread must have run: without that there is no more to read.
    const alone = this.#stat?.threads === 1 && this.#threads.size === 1;
    if (alone && !thorough && first?.moved === false && !restless) return QUIET;

    const stat = this.#readStat();
    if (stat === undefined) return undefined;
    const moved: TrackedThread[] = first?.moved === true ? [leader] : [];
    let usedNs = first?.usedNs ?? 0;
    let waitedNs = first?.waitedNs ?? 0;
    if (first?.moved === false && restless) waitedNs += leader.waitingNs(elapsedNs, stat.state);
    const lookAtThreads = (all: boolean) => {
      for (const thread of this.#threads.values()) {
        if (thread === leader || (!all && thread.isCold(this.#lookNumber))) continue;
        const wasRestless = thread.restless;
        const look = thread.look(elapsedNs);
        if (look === undefined) continue;
        usedNs += look.usedNs;
        waitedNs += look.waitedNs;
        if (look.moved) moved.push(thread);
        else if (wasRestless) waitedNs += thread.waitingNs(elapsedNs);
      }
    };
    const refreshed = stat.threads !== this.#threads.size || thorough;
    if (refreshed) this.#refreshThreads();
    lookAtThreads(refreshed);
    const roundingNs = leader.readable ? ROUNDING_NS : 0;
    const missing = () => stat.usedNs - this.#countedNs - usedNs;
    if (missing() > roundingNs && leader.readable && !refreshed) usedNs += this.#lookAtMissed(elapsedNs);
    if (missing() > roundingNs) usedNs += missing();
    this.#countedNs += usedNs;
    this.#newChildrenNs = advance(this.#childrenNs, stat.childrenNs);
    this.#childrenNs = stat.childrenNs;
    // A process that we find late has used its time before this interval.
    return { usedNs: isNew ? Math.min(usedNs, elapsedNs * Math.max(1, stat.threads)) : usedNs, waitedNs, moved };
  }

  /** A child has ended that was counted with `ns`: its parent's counter will show, or shows, them again. */
  awaitEnded(ns: number): void {
    this.#awaitedNs += ns;
    this.#awaitedLooks = AWAITED_LOOKS;
  }

  /** After all processes were looked at: what ended children used beyond what was counted while they lived. */
  settleChildren(): number {
    const unseen = Math.max(0, this.#newChildrenNs - this.#awaitedNs);
    this.#awaitedNs = this.#awaitedLooks > 0 ? Math.max(0, this.#awaitedNs - this.#newChildrenNs) : 0;
    this.#awaitedLooks = Math.max(0, this.#awaitedLooks - 1);
    this.#newChildrenNs = 0;
    return unseen;
  }

  close(): void {
    this.#statFile.close();
    for (const thread of this.#threads.values()) thread.close();
  }

  #leader(): TrackedThread {
    return this.#threads.get(this.pid) as TrackedThread;
  }

  /** Undefined when it is gone, or another process has its PID now. */
  #readStat(): ProcessStat | undefined {
    const text = this.#statFile.read();
    const stat = text === undefined ? undefined : parseProcessStat(text);
    if (stat === undefined || (this.#stat !== undefined && this.#stat.startTicks !== stat.startTicks)) return undefined;
    this.#stat = stat;
    return stat;
  }

  /** The ledger shows time of threads that we do not know or did not read: reads them all. */
  #lookAtMissed(elapsedNs: number): number {
    const known = new Set(this.#threads.keys());
    this.#refreshThreads();
    let usedNs = 0;
    for (const thread of this.#threads.values())
      if (!known.has(thread.tid) || thread.isCold(this.#lookNumber)) usedNs += thread.look(elapsedNs)?.usedNs ?? 0;
    return usedNs;
  }

  #refreshThreads(): void {
    const tids = new Set((this.#files.list(`proc/${this.pid}/task`) ?? []).map(Number));
    for (const [tid, thread] of this.#threads) {
      if (tid === this.pid || tids.has(tid)) continue;
      thread.close();
      this.#threads.delete(tid);
    }
    for (const tid of tids)
      if (!this.#threads.has(tid)) this.#threads.set(tid, new TrackedThread(this.#files, this.pid, tid));
  }
}
