/** A place at the gate: held while one waits and runs. */
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

  /** How many hold a place and do not run. */
  get queued(): number {
    return this.#taken - this.#running;
  }

  /** Whether every place is taken. */
  get isFull(): boolean {
    return this.#taken >= this.#places;
  }

  /** Takes a place, or undefined when all are taken. */
  enter(): Place | undefined {
    return this.isFull ? undefined : this.enterBeyond();
  }

  /** Takes a place even when all are taken: for those that must not be turned away, after whom nobody comes. */
  enterBeyond(): Place {
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
      },
    };
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
