import { advance, parseProcessStat, parseSchedStat, type SchedStat } from "./parse.ts";
import type { ProcFile, ProcFiles } from "./proc-files.ts";

/** A thread that has not moved for this many looks is read only at every so many, unless its process shows that something moved. */
const COLD_AFTER = 10;

export interface ThreadLook {
  readonly usedNs: number;
  readonly waitedNs: number;
  readonly moved: boolean;
}

const QUIET: ThreadLook = { usedNs: 0, waitedNs: 0, moved: false };

/** One thread's time on a CPU and in the run queue, from its schedstat. */
export class TrackedThread {
  readonly tid: number;
  readonly #files: ProcFiles;
  readonly #folder: string;
  readonly #file: ProcFile;
  /** Only of threads that run: most never do. */
  #childrenFile: ProcFile | undefined;
  #last: SchedStat | undefined;
  #looksSinceMoved = 0;
  /** Waiting that was counted before the kernel did: it adds a wait only when the wait is over. */
  #countedAheadNs = 0;

  constructor(files: ProcFiles, pid: number, tid: number) {
    this.tid = tid;
    this.#files = files;
    this.#folder = `proc/${pid}/task/${tid}`;
    this.#file = files.file(tid === pid ? `proc/${pid}/schedstat` : `${this.#folder}/schedstat`);
  }

  /** Whether the kernel tells this thread's times. */
  get readable(): boolean {
    return this.#last !== undefined;
  }

  /** Whether it ran or waited a moment ago, so that it may be waiting now. */
  get restless(): boolean {
    return this.#looksSinceMoved === 0 || this.#countedAheadNs > 0;
  }

  /** Whether this look may leave it out. */
  isCold(lookNumber: number): boolean {
    return this.#looksSinceMoved > COLD_AFTER && (lookNumber + this.tid) % COLD_AFTER !== 0;
  }

  /**
   * @param elapsedNs since the last look: no thread can want more than one CPU in it
   * @returns undefined when it is gone, or the kernel does not tell
   */
  look(elapsedNs: number): ThreadLook | undefined {
    const text = this.#file.read();
    const now = text === undefined ? undefined : parseSchedStat(text);
    if (now === undefined) return undefined;
    const before = this.#last ?? { ranNs: 0, waitedNs: 0, turns: 0 };
    this.#last = now;
    if (now.turns === before.turns && now.ranNs === before.ranNs && now.waitedNs === before.waitedNs) {
      this.#looksSinceMoved++;
      return QUIET;
    }
    this.#looksSinceMoved = 0;
    const usedNs = advance(before.ranNs, now.ranNs);
    const newlyWaited = advance(before.waitedNs, now.waitedNs);
    const waitedNs = Math.min(Math.max(0, newlyWaited - this.#countedAheadNs), Math.max(0, elapsedNs - usedNs));
    this.#countedAheadNs = 0;
    return { usedNs, waitedNs, moved: true };
  }

  /**
   * For a restless thread that did not move: when it is runnable, it waited all the time. A starved thread reads as waiting at once so, not only when
   * its turn comes.
   * @param state its state where the caller knows it
   */
  waitingNs(elapsedNs: number, state?: string): number {
    if ((state ?? this.#state()) !== "R") {
      this.#countedAheadNs = 0;
      return 0;
    }
    this.#countedAheadNs += elapsedNs;
    return elapsedNs;
  }

  /** Children that this thread made. Undefined where the kernel has no such list. */
  children(): string | undefined {
    this.#childrenFile ??= this.#files.file(`${this.#folder}/children`);
    return this.#childrenFile.read();
  }

  close(): void {
    this.#file.close();
    this.#childrenFile?.close();
  }

  #state(): string | undefined {
    const text = this.#files.read(`${this.#folder}/stat`);
    return text === undefined ? undefined : parseProcessStat(text)?.state;
  }
}
