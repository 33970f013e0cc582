import type { Logger } from "../../../common/log.ts";
import type { CpuSource } from "../signal.ts";
import { failedStatus, type SourceStatus } from "./source-status.ts";

export interface PollerOptions {
  readonly source: CpuSource;
  /** Is told when the source begins to fail, and when it works again. */
  readonly log: Logger;
  readonly intervalMs: () => number;
  /** Reads once and tells how it went; a throw is a failure of the source. */
  readonly poll: (signal: AbortSignal) => Promise<SourceStatus>;
  /** Says why there is nothing to do just now. */
  readonly idle?: () => string | undefined;
  /** From 0 to 1. */
  readonly random?: () => number;
}

/** What is forbidden or not installed is looked for this seldom, in ms: somebody may mend it. */
const HOPELESS_MS = 60_000;
/** The longest pause after failures, in ms. */
const FAILING_MS = 30_000;

/** Asks a source again and again, never twice at once, at times that differ by a tenth so that replicas do not march in step. */
export class Poller {
  readonly #options: PollerOptions;
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #failures = 0;
  #status: SourceStatus;
  /** The fault that was logged last; undefined while the source works. */
  #fault: SourceStatus["state"] | undefined;

  constructor(options: PollerOptions) {
    this.#options = options;
    this.#status = { source: options.source, state: "idle", detail: "not asked yet", next: "" };
    this.#plan(options.intervalMs() * (options.random ?? Math.random)() * 0.2);
  }

  status(): SourceStatus {
    return this.#status;
  }

  /** Settles when no request of it is left. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#closing.abort();
    await this.#running;
  }

  #plan(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#running = this.#turn();
    }, ms);
  }

  async #turn(): Promise<void> {
    this.#status = await this.#look();
    if (this.#closing.signal.aborted) return;
    this.#logChange();
    const jitter = 0.9 + (this.#options.random ?? Math.random)() * 0.2;
    this.#plan(this.#pauseMs() * jitter);
  }

  async #look(): Promise<SourceStatus> {
    const { source, poll, idle } = this.#options;
    const reason = idle?.();
    if (reason !== undefined) return { source, state: "idle", detail: reason, next: "" };
    try {
      return await poll(this.#closing.signal);
    } catch (error) {
      return failedStatus(source, error);
    }
  }

  #logChange(): void {
    const { source, state, detail, next } = this.#status;
    // One that is not asked just now is neither worse nor mended.
    if (state === "idle") return;
    const fault = isFault(state) ? state : undefined;
    if (fault === this.#fault) return;
    this.#fault = fault;
    const { log } = this.#options;
    if (fault === undefined) log.info({ source, detail }, "a source of CPU figures works again");
    else log.warn({ source, state, detail, next }, "a source of CPU figures fails");
  }

  #pauseMs(): number {
    const intervalMs = this.#options.intervalMs();
    const { state } = this.#status;
    this.#failures = state === "failing" ? this.#failures + 1 : 0;
    if (state === "forbidden" || state === "missing") return Math.max(HOPELESS_MS, intervalMs);
    // Doubled with each failure in a row; the exponent is bounded, or days of them would overflow.
    return Math.max(intervalMs, Math.min(FAILING_MS, intervalMs * 2 ** Math.min(10, Math.max(0, this.#failures - 1))));
  }
}

function isFault(state: SourceStatus["state"]): boolean {
  return state === "forbidden" || state === "missing" || state === "failing";
}
