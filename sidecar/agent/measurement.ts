import type { Meter } from "./meter.ts";
import type { CpuShares } from "./wanted.ts";
import { Window } from "./window.ts";

/** How often limits and memory are read while somebody listens, and the target is looked for while nobody does. */
const SLOW_MS = 1000;

export interface Figures extends CpuShares {
  /** Share of the memory that it may use, 0 to 1. */
  readonly memory: number;
  /** Cores that count as all. */
  readonly capacity: number;
}

/** Figures, or why there are none. */
export type Outcome =
  | { readonly kind: "figures"; readonly figures: Figures }
  | { readonly kind: "absent"; readonly reason: string };
export type Opened =
  | { readonly kind: "meter"; readonly meter: Meter }
  | { readonly kind: "absent"; readonly reason: string };

export interface MeasurementOptions {
  /** Opens the target's meter, or says why it cannot. Called again each second until it can. */
  readonly open: () => Opened;
  /** Cores that count as all; undefined: as the meter says. */
  readonly cpus: number | undefined;
  readonly intervalMs: number;
  readonly nowMs: () => number;
  /** The target was there and is no more. */
  readonly onGone: () => void;
}

/**
 * One measurement for all who listen. It looks at the target every interval while somebody listens; with nobody there it only checks, once a second,
 * whether the target lives.
 */
export class Measurement {
  readonly #options: MeasurementOptions;
  readonly #window: Window;
  readonly #listeners = new Map<(outcome: Outcome) => void, number>();
  readonly #presence = new Set<(present: boolean) => void>();
  #meter: Meter | undefined;
  #absence = "the measurement has not begun";
  #timer: NodeJS.Timeout | undefined;
  #dueMs = 0;
  #slowMs = Number.NEGATIVE_INFINITY;
  #capacity = 1;
  #memory = 0;

  constructor(options: MeasurementOptions) {
    this.#options = options;
    // One look of the agent's own interval: who reads the figures knows best how much of them to smooth.
    this.#window = new Window(options.intervalMs);
  }

  get present(): boolean {
    return this.#meter !== undefined;
  }

  /** Opens the target and keeps an eye on it. */
  start(): void {
    this.#ensureMeter();
    this.#schedule(this.#options.nowMs());
  }

  /**
   * Calls `listener` with every look's outcome until the returned function is called.
   * @param intervalMs how often it wants one; looks are taken as often as the most eager listener wants, and each interval at least
   */
  listen(listener: (outcome: Outcome) => void, intervalMs = this.#options.intervalMs): () => void {
    const wasIdle = this.#listeners.size === 0;
    this.#listeners.set(listener, intervalMs);
    if (wasIdle) {
      this.#window.clear();
      this.#slowMs = Number.NEGATIVE_INFINITY;
    }
    // A new and more eager listener does not wait out the old interval.
    this.#dueMs = wasIdle ? this.#options.nowMs() : Math.min(this.#dueMs, this.#options.nowMs() + this.#period());
    this.#arm();
    return () => this.#listeners.delete(listener);
  }

  /** Calls `listener` when the target comes or goes, until the returned function is called. */
  onPresence(listener: (present: boolean) => void): () => void {
    this.#presence.add(listener);
    return () => this.#presence.delete(listener);
  }

  /** The next figures, for somebody who asks once. */
  once(): Promise<Outcome> {
    return new Promise((resolve) => {
      const stop = this.listen((outcome) => {
        stop();
        resolve(outcome);
      });
    });
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#listeners.clear();
    this.#meter?.close();
    this.#meter = undefined;
  }

  #period(): number {
    return this.#listeners.size === 0 ? SLOW_MS : Math.min(this.#options.intervalMs, ...this.#listeners.values());
  }

  /** On the beat where that is possible; a late look does not make the next ones come in a burst. */
  #schedule(nowMs: number): void {
    this.#dueMs = Math.max(this.#dueMs + this.#period(), nowMs + 1);
    if (this.#dueMs < nowMs + this.#period() / 2) this.#dueMs = nowMs + this.#period();
    this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tick(), Math.max(0, this.#dueMs - this.#options.nowMs()));
  }

  #tick(): void {
    const nowMs = this.#options.nowMs();
    this.#schedule(nowMs);
    const meter = this.#ensureMeter();
    if (this.#listeners.size === 0) {
      if (meter?.alive() === false) this.#lose();
      return;
    }
    if (meter !== undefined) this.#look(meter, nowMs);
    if (this.#meter === undefined) this.#tell({ kind: "absent", reason: this.#absence });
  }

  #look(meter: Meter, nowMs: number): void {
    const reading = meter.look(nowMs);
    if (reading === undefined) {
      this.#lose();
      return;
    }
    if (nowMs - this.#slowMs >= SLOW_MS) {
      this.#slowMs = nowMs;
      this.#capacity = this.#options.cpus ?? meter.capacity();
      this.#memory = meter.memory();
    }
    this.#window.add(nowMs, reading);
    const shares = this.#window.shares(this.#capacity);
    if (shares === undefined) return;
    this.#tell({ kind: "figures", figures: { ...shares, memory: this.#memory, capacity: this.#capacity } });
  }

  #tell(outcome: Outcome): void {
    for (const listener of [...this.#listeners.keys()]) listener(outcome);
  }

  #ensureMeter(): Meter | undefined {
    if (this.#meter !== undefined) return this.#meter;
    const opened = this.#options.open();
    if (opened.kind === "absent") {
      this.#absence = opened.reason;
      return undefined;
    }
    this.#meter = opened.meter;
    this.#window.clear();
    this.#slowMs = Number.NEGATIVE_INFINITY;
    for (const listener of this.#presence) listener(true);
    return this.#meter;
  }

  #lose(): void {
    this.#meter?.close();
    this.#meter = undefined;
    this.#absence = "what the agent measured has ended";
    for (const listener of this.#presence) listener(false);
    this.#options.onGone();
  }
}
