import type { Discovery } from "./discovery.ts";
import { parsePids } from "./parse.ts";
import type { ProcFiles } from "./proc-files.ts";
import { TrackedProcess } from "./tracked-process.ts";

/** Each process is read thoroughly once in so many looks; they take turns. */
const THOROUGH_EVERY_LOOKS = 20;

/** Time that a set of processes used and waited, with what came and went between two looks. */
export class ProcessSet {
  readonly #files: ProcFiles;
  readonly #discovery: Discovery;
  readonly #excluded: ReadonlySet<number>;
  readonly #processes = new Map<number, TrackedProcess>();
  #begun = false;
  #lookNumber = 0;

  /** @param excluded never measured: the agent itself */
  constructor(files: ProcFiles, discovery: Discovery, excluded: ReadonlySet<number>) {
    this.#files = files;
    this.#discovery = discovery;
    this.#excluded = excluded;
  }

  get size(): number {
    return this.#processes.size;
  }

  /** Sum of their resident memory in pages; pages that two of them share count twice. */
  get residentPages(): number {
    let pages = 0;
    for (const process of this.#processes.values()) pages += process.residentPages;
    return pages;
  }

  /** What they used and waited for since the last look. The first one only begins. */
  look(nowMs: number, elapsedNs: number): { readonly usedNs: number; readonly waitedNs: number } {
    if (!this.#begun) {
      this.#begin(nowMs);
      return { usedNs: 0, waitedNs: 0 };
    }
    this.#lookNumber++;
    if (this.#discovery.due(nowMs)) for (const pid of this.#discovery.list(nowMs)) this.#adopt(pid);
    const gone: TrackedProcess[] = [];
    let usedNs = 0;
    let waitedNs = 0;
    // The map grows as children are found, and the loop goes on to them.
    for (const process of this.#processes.values()) {
      const look = process.look(elapsedNs, (this.#lookNumber + process.pid) % THOROUGH_EVERY_LOOKS === 0);
      if (look === undefined) {
        gone.push(process);
        continue;
      }
      usedNs += look.usedNs;
      waitedNs += look.waitedNs;
      if (this.#discovery.followsChildren)
        for (const thread of look.moved) for (const pid of parsePids(thread.children() ?? "")) this.#adopt(pid);
    }
    this.#remove(gone);
    for (const process of this.#processes.values()) usedNs += process.settleChildren();
    return { usedNs, waitedNs };
  }

  close(): void {
    for (const process of this.#processes.values()) process.close();
    this.#processes.clear();
  }

  #begin(nowMs: number): void {
    this.#begun = true;
    for (const pid of this.#discovery.list(nowMs)) {
      this.#adopt(pid);
      const process = this.#processes.get(pid);
      if (process !== undefined && !process.begin()) this.#remove([process]);
    }
  }

  #adopt(pid: number): void {
    if (!this.#processes.has(pid) && !this.#excluded.has(pid))
      this.#processes.set(pid, new TrackedProcess(this.#files, pid));
  }

  /** Children before their parents, so that what is awaited of a child moves up when its parent has ended as well. */
  #remove(gone: readonly TrackedProcess[]): void {
    for (const process of gone.toReversed()) {
      this.#processes.get(process.parent)?.awaitEnded(process.lifetimeNs + process.awaitedNs);
      process.close();
      this.#processes.delete(process.pid);
    }
  }
}
