import { type BackoffOptions, backoffMs } from "../common/backoff.ts";

/** Looks at one key and does what is due. @returns when to look again even when nothing is heard, in ms */
export type Reconcile = (key: string) => Promise<number | undefined>;

export interface QueueOptions {
  readonly reconcile: Reconcile;
  /** Keys worked on at once; one key never twice at once. */
  readonly workers: number;
  readonly backoff: BackoffOptions;
  /** Told about every failure, before its next attempt in `retryMs`. */
  readonly onError: (key: string, error: unknown, retryMs: number) => void;
  /** Told how long each reconcile took, in ms. */
  readonly onDone?: (durationMs: number, failed: boolean) => void;
}

/**
 * Keys to be looked at. A key that is added again while it waits is looked at once; while it is worked on, once more
 * afterwards. A failure is tried again, later each time, until a success.
 */
export class WorkQueue {
  readonly #options: QueueOptions;
  /** In the order in which they were added. */
  readonly #waiting = new Set<string>();
  readonly #working = new Set<string>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #failures = new Map<string, number>();
  #idle = Promise.withResolvers<void>();
  #stopped = false;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /** Keys that wait for a worker. */
  get depth(): number {
    return this.#waiting.size;
  }

  add(key: string): void {
    if (this.#stopped) return;
    this.#cancelTimer(key);
    this.#waiting.add(key);
    this.#next();
  }

  /** Adds the key after a time, unless it is added sooner. */
  addAfter(key: string, delayMs: number): void {
    if (this.#stopped) return;
    this.#cancelTimer(key);
    this.#timers.set(
      key,
      setTimeout(() => this.add(key), delayMs),
    );
  }

  /** Takes no more keys and settles when what is being worked on is done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#waiting.clear();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    if (this.#working.size > 0) await this.#idle.promise;
  }

  #next(): void {
    for (const key of this.#waiting) {
      if (this.#working.size >= this.#options.workers) return;
      if (this.#working.has(key)) continue;
      this.#waiting.delete(key);
      void this.#work(key);
    }
  }

  /** Never rejects. */
  async #work(key: string): Promise<void> {
    this.#working.add(key);
    const began = performance.now();
    let failed = false;
    try {
      const again = await this.#options.reconcile(key);
      this.#failures.delete(key);
      if (again !== undefined && !this.#waiting.has(key)) this.addAfter(key, again);
    } catch (error) {
      failed = true;
      const failures = (this.#failures.get(key) ?? 0) + 1;
      this.#failures.set(key, failures);
      const retryMs = backoffMs(failures, this.#options.backoff);
      this.#options.onError(key, error, retryMs);
      if (!this.#waiting.has(key)) this.addAfter(key, retryMs);
    }
    this.#options.onDone?.(performance.now() - began, failed);
    this.#working.delete(key);
    if (this.#stopped && this.#working.size === 0) this.#idle.resolve();
    else this.#next();
  }

  #cancelTimer(key: string): void {
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
  }
}
