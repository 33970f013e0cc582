/** Kept for so long, in ms. The window of a figure of Prometheus begins 90 s before it is read, of all others later. */
const KEPT_MS = 120_000;
/** Rates are noted no more often than this, in ms: they are over a second themselves. */
const STEP_MS = 1000;

interface Noted {
  readonly atMs: number;
  readonly requestsPerSecond: number;
}

/** The rate of requests to one endpoint over the last minutes: what a figure of the past is compared with. */
export class RequestHistory {
  /** Oldest first; each holds until the next. */
  readonly #noted: Noted[] = [];

  note(requestsPerSecond: number, atMs: number): void {
    const last = this.#noted.at(-1);
    // A change to nothing may be the last that is told, and must not be missed; nothing that goes on is no change.
    const isEnd = requestsPerSecond === 0 && last?.requestsPerSecond !== 0;
    if (last !== undefined && atMs - last.atMs < STEP_MS && !isEnd) return;
    this.#noted.push({ atMs, requestsPerSecond });
    while ((this.#noted[1]?.atMs ?? Number.POSITIVE_INFINITY) < atMs - KEPT_MS) this.#noted.shift();
  }

  /** The mean rate between two times; undefined when nothing was told before the first. */
  mean(fromMs: number, untilMs: number): number | undefined {
    if (!((this.#noted[0]?.atMs ?? Number.POSITIVE_INFINITY) <= fromMs) || untilMs <= fromMs) return undefined;
    let requests = 0;
    for (const [index, { atMs, requestsPerSecond }] of this.#noted.entries()) {
      const endMs = Math.min(untilMs, this.#noted[index + 1]?.atMs ?? untilMs);
      requests += requestsPerSecond * Math.max(0, endMs - Math.max(fromMs, atMs));
    }
    return requests / (untilMs - fromMs);
  }
}
