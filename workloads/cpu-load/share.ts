import type { BurnDone } from "./burn-protocol.ts";

/** Square roots between two looks at the clock: some microseconds. */
const ROUND = 1000;

interface Burn {
  readonly begin: number;
  readonly end: number;
  next: number;
  result: number;
}

/** Burns that take turns on one thread. Each lasts its time on the clock, and gets an equal share of the thread. */
export class Share {
  readonly #now: () => number;
  readonly #burns = new Map<number, Burn>();

  /** @param now the time in milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  get isIdle(): boolean {
    return this.#burns.size === 0;
  }

  start(id: number, durationMs: number): void {
    const begin = this.#now();
    this.#burns.set(id, { begin, end: begin + durationMs, next: 0, result: 0 });
  }

  /** Ends a burn before its time. One that is not there is no fault: its answer may be on the way. */
  stop(id: number): void {
    this.#burns.delete(id);
  }

  /**
   * Gives every burn one slice.
   * @param sliceMs how long a slice is
   * @returns those whose time is over
   */
  turn(sliceMs: number): BurnDone[] {
    const done: BurnDone[] = [];
    for (const [id, burn] of this.#burns) {
      const sliceEnd = Math.min(this.#now() + sliceMs, burn.end);
      // Also when its time has passed while others had the CPU: nobody's burn is nothing.
      do work(burn);
      while (this.#now() < sliceEnd);
      const now = this.#now();
      if (now < burn.end) continue;
      this.#burns.delete(id);
      done.push({ id, durationMs: now - burn.begin, result: burn.result });
    }
    return done;
  }
}

function work(burn: Burn): void {
  const last = burn.next + ROUND;
  let sum = 0;
  for (let n = burn.next; n < last; n++) sum += Math.sqrt(n);
  burn.next = last;
  burn.result += sum;
}
