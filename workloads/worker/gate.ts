/** A place at the gate: held from an upload's arrival until its answer is known. */
export interface Place {
  /**
   * Settles when it is this place's turn to run.
   * @throws the signal's reason when it aborts first
   */
  turn(signal: AbortSignal): Promise<void>;
  /** Gives the place up, waiting or running. */
  leave(): void;
}

interface Waiter {
  readonly start: () => void;
}

/** Lets so many run at once and so many more wait, first come first served, and nobody beyond. */
export class Gate {
  readonly #concurrency: number;
  readonly #places: number;
  readonly #waiting = new Set<Waiter>();
  readonly #whenEmpty: (() => void)[] = [];
  #taken = 0;
  #running = 0;

  /**
   * @param concurrency how many run at once
   * @param queue how many more may hold a place
   */
  constructor(concurrency: number, queue: number) {
    this.#concurrency = concurrency;
    this.#places = concurrency + queue;
  }

  get running(): number {
    return this.#running;
  }

  /** How many hold a place and do not run: they upload or wait. */
  get queued(): number {
    return this.#taken - this.#running;
  }

  /** Takes a place, or undefined when all are taken. */
  enter(): Place | undefined {
    if (this.#taken >= this.#places) return undefined;
    this.#taken++;
    let state: "here" | "running" | "left" = "here";
    return {
      turn: (signal) =>
        this.#turn(signal, () => {
          state = "running";
        }),
      leave: () => {
        if (state === "left") return;
        if (state === "running") this.#running--;
        state = "left";
        this.#taken--;
        this.#startNext();
        if (this.#taken === 0) for (const tell of this.#whenEmpty.splice(0)) tell();
      },
    };
  }

  /** Settles when no place is taken. */
  async empty(): Promise<void> {
    if (this.#taken > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
  }

  async #turn(signal: AbortSignal, onStart: () => void): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const waiter: Waiter = {
        start: () => {
          signal.removeEventListener("abort", onAbort);
          onStart();
          resolve();
        },
      };
      const onAbort = () => {
        this.#waiting.delete(waiter);
        reject(signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.add(waiter);
      this.#startNext();
    });
  }

  #startNext(): void {
    for (const waiter of this.#waiting) {
      if (this.#running >= this.#concurrency) return;
      this.#waiting.delete(waiter);
      this.#running++;
      waiter.start();
    }
  }
}
