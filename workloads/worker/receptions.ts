import { Pace } from "./pace.ts";
import { Refusal } from "./refusal.ts";

const TICK_MS = 1000;
/** An upload is judged by its rate from this age on, in ms: before, the network's first round trips count for too much. */
const SETTLED_MS = 1000;
/** While every place is taken, one that comes more slowly than this, in bytes a second, yields its own. */
const YIELDING_BYTES_PER_S = 64 * 2 ** 10;

export interface ReceptionLimits {
  /** Uploads that may arrive at once. */
  readonly places: number;
  /** One that comes more slowly is ended, in bytes a second; pauses of some seconds are allowed. */
  readonly slowestBytesPerS: number;
  /** How long one may take, in ms. */
  readonly timeoutMs: number;
}

/** A place for an upload that arrives: held until its last byte is there. */
export interface Reception {
  /** Aborts, with the {@link Refusal} to answer, when the upload is too slow. */
  readonly signal: AbortSignal;
  received(bytes: number): void;
  leave(): void;
}

interface Entry {
  readonly begin: number;
  readonly pace: Pace;
  readonly end: AbortController;
  bytes: number;
}

/** The uploads that arrive now: so many at most, and none that only holds its place. */
export class Receptions {
  readonly #limits: ReceptionLimits;
  readonly #entries = new Set<Entry>();
  #ticking: NodeJS.Timeout | undefined;
  #lastTick = 0;

  constructor(limits: ReceptionLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Takes a place, that of the slowest when there is no free one; undefined when none is slow enough to yield. */
  enter(): Reception | undefined {
    const now = performance.now();
    if (this.#entries.size >= this.#limits.places && !this.#displace(now)) return undefined;
    const entry: Entry = {
      begin: now,
      pace: new Pace(this.#limits.slowestBytesPerS),
      end: new AbortController(),
      bytes: 0,
    };
    this.#entries.add(entry);
    if (this.#ticking === undefined) {
      this.#lastTick = now;
      this.#ticking = setInterval(() => this.#tick(), TICK_MS);
    }
    return {
      signal: entry.end.signal,
      received(bytes) {
        entry.bytes += bytes;
        entry.pace.received(bytes);
      },
      leave: () => this.#remove(entry),
    };
  }

  #tick(): void {
    const now = performance.now();
    // Time in which this process could not read is not the senders' fault.
    const passed = Math.min(now - this.#lastTick, 2 * TICK_MS);
    this.#lastTick = now;
    for (const entry of this.#entries) {
      const { slowestBytesPerS, timeoutMs } = this.#limits;
      // One that came since the last tick is not charged for the time before it.
      const kept = entry.pace.pass(Math.min(passed, now - entry.begin));
      if (now - entry.begin >= timeoutMs)
        this.#endSlow(entry, `the upload did not arrive within ${timeoutMs / 1000} s`);
      else if (!kept)
        this.#endSlow(entry, `the upload came too slowly: at least ${slowestBytesPerS} bytes a second are expected`);
    }
  }

  /** Ends the slowest, if it is slow. */
  #displace(now: number): boolean {
    const rate = (entry: Entry): number => (1000 * entry.bytes) / (now - entry.begin);
    let slowest: Entry | undefined;
    for (const entry of this.#entries)
      if (now - entry.begin >= SETTLED_MS && (slowest === undefined || rate(entry) < rate(slowest))) slowest = entry;
    if (slowest === undefined || rate(slowest) >= YIELDING_BYTES_PER_S) return false;
    this.#endSlow(slowest, "the upload came too slowly while others waited for its place");
    return true;
  }

  #endSlow(entry: Entry, detail: string): void {
    this.#remove(entry);
    entry.end.abort(Refusal.tooSlow(detail));
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry);
    if (this.#entries.size > 0) return;
    clearInterval(this.#ticking);
    this.#ticking = undefined;
  }
}
