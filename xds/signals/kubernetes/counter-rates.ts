interface Reading {
  readonly value: number;
  readonly atMs: number;
}

/** After so long without a reading, in ms, a mean since the last one would tell of the past, and count as fresh for three times as long. */
const LONGEST_MS = 300_000;

/**
 * Turns counters into rates per second. A counter that fell was started anew; a reading that is not newer than the one
 * before says nothing.
 */
export class CounterRates {
  readonly #last = new Map<string, Reading>();

  /**
   * @returns the rate since the reading before, and how long that is; undefined for a first one, also after minutes without, one
   * of an old time, and a restart
   */
  read(key: string, value: number, atMs: number): { readonly perSecond: number; readonly overMs: number } | undefined {
    const before = this.#last.get(key);
    if (before !== undefined && atMs <= before.atMs) return undefined;
    this.#last.set(key, { value, atMs });
    if (before === undefined || value < before.value) return undefined;
    const overMs = atMs - before.atMs;
    if (overMs > LONGEST_MS) return undefined;
    return { perSecond: ((value - before.value) * 1000) / overMs, overMs };
  }

  /** Forgets all others. */
  retain(keys: ReadonlySet<string>): void {
    for (const key of this.#last.keys()) if (!keys.has(key)) this.#last.delete(key);
  }
}
