import { createHistogram } from "node:perf_hooks";
import { statusName } from "../../../k6/lib/statuses.js";
import type { Figures } from "../../../k6/lib/summary.js";
import type { Answer } from "./exchange.ts";

/** Latencies are counted in microseconds, up to a day, with three digits: the memory is the same for any load. */
const HISTOGRAM = { lowest: 1, highest: 24 * 3_600_000_000, figures: 3 };
const MICROSECONDS = 1000;

/** Counts what comes of a load, in bounded memory. */
export class Tally {
  readonly #accepted: ReadonlySet<number>;
  readonly #latencies = createHistogram(HISTOGRAM);
  readonly #statuses = new Map<string, number>();
  #successful = 0;
  #failed = 0;
  #notSent = 0;

  /** @param accepted the statuses that are successes */
  constructor(accepted: ReadonlySet<number>) {
    this.#accepted = accepted;
  }

  get requests(): number {
    return this.#successful + this.#failed;
  }

  get failed(): number {
    return this.#failed;
  }

  get notSent(): number {
    return this.#notSent;
  }

  /**
   * Counts one answer. A failed one's time says nothing: a refused connection takes none.
   * @returns whether it was a success
   */
  record(answer: Answer): boolean {
    const name = statusName(answer.status);
    this.#statuses.set(name, (this.#statuses.get(name) ?? 0) + 1);
    const success = this.#accepted.has(answer.status);
    if (success) {
      this.#successful += 1;
      this.#latencies.record(Math.max(HISTOGRAM.lowest, Math.round(answer.latencyMs * MICROSECONDS)));
    } else this.#failed += 1;
    return success;
  }

  /** Counts a request that was due while too many others were under way. */
  countNotSent(): void {
    this.#notSent += 1;
  }

  /** @param elapsedMs since the load began */
  figures(elapsedMs: number): Figures {
    const seconds = elapsedMs / 1000;
    const percentile = (percent: number) => this.#latencies.percentile(percent) / MICROSECONDS;
    return {
      totalRequests: this.requests,
      successful: this.#successful,
      failed: this.#failed,
      notSent: this.#notSent,
      totalTimeSeconds: seconds,
      throughputPerSecond: seconds > 0 ? this.requests / seconds : 0,
      latencyMs: this.#successful === 0 ? null : { p50: percentile(50), p95: percentile(95), p99: percentile(99) },
      statuses: Object.fromEntries(this.#statuses),
    };
  }
}
