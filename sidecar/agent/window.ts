import { addReadings, type CpuShares, cpuShares, NOTHING, type Reading } from "./wanted.ts";

interface Look {
  readonly atMs: number;
  readonly since: Reading;
}

/**
 * The last moments of a meter: CPU over the newest looks that together span the window. An eager listener's looks are closer together than that: in
 * less than some tens of milliseconds, the kernel's time slices show.
 */
export class Window {
  readonly #spanMs: number;
  readonly #looks: Look[] = [];

  constructor(spanMs: number) {
    this.#spanMs = spanMs;
  }

  /** Whether a first difference can be told. */
  get ready(): boolean {
    return this.#looks.length > 1;
  }

  add(atMs: number, since: Reading): void {
    const last = this.#looks.at(-1);
    if (last !== undefined && atMs <= last.atMs) return;
    this.#looks.push({ atMs, since });
    while (this.#looks.length > 2 && atMs - (this.#looks[1] as Look).atMs >= this.#enoughMs()) this.#looks.shift();
  }

  /** Forgets all: what comes next cannot be compared with what was. */
  clear(): void {
    this.#looks.length = 0;
  }

  /** CPU over the window; undefined before the second look. */
  shares(capacity: number): CpuShares | undefined {
    const first = this.#looks[0];
    const last = this.#looks.at(-1);
    if (first === undefined || last === undefined || first === last) return undefined;
    const reading = this.#looks.slice(1).reduce((sum, look) => addReadings(sum, look.since), NOTHING);
    return cpuShares(reading, capacity, (last.atMs - first.atMs) * 1e6);
  }

  /** Timers are never exact: looks that span nearly the window are the window. */
  #enoughMs(): number {
    return this.#spanMs * 0.85;
  }
}
