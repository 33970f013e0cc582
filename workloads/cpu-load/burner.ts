import { Worker } from "node:worker_threads";
import type { BurnDone, BurnOrder } from "./burn-protocol.ts";

interface Waiting {
  readonly resolve: (done: BurnDone) => void;
  readonly reject: (reason: unknown) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly burns: Map<number, Waiting>;
}

const BODY = new URL("./burn-thread.ts", import.meta.url);

/** Threads that burn CPU, so that the event loop is free to answer whatever they do. */
export class Burner {
  readonly #threads: (Thread | undefined)[];
  #lastId = 0;
  #closed = false;

  /** @param threads how many burn at most; each starts with its first burn */
  constructor(threads: number) {
    this.#threads = Array.from({ length: threads }, () => undefined);
  }

  /**
   * Burns CPU for a time on the thread with the fewest burns, and shares it with them.
   * @param signal ends it early
   * @throws the signal's reason; Error when the thread died
   */
  async burn(durationMs: number, signal: AbortSignal): Promise<BurnDone> {
    signal.throwIfAborted();
    if (this.#closed) throw new Error("the burner is closed");
    const thread = this.#leastBusy();
    const id = ++this.#lastId;
    const tell = (order: BurnOrder) => thread.worker.postMessage(order);
    let onAbort = () => {};
    try {
      return await new Promise<BurnDone>((resolve, reject) => {
        onAbort = () => {
          tell({ kind: "stop", id });
          reject(signal.reason);
        };
        signal.addEventListener("abort", onAbort, { once: true });
        thread.burns.set(id, { resolve, reject });
        tell({ kind: "start", id, durationMs });
      });
    } finally {
      thread.burns.delete(id);
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Ends all threads; burns that still run fail. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#threads.map((thread) => thread?.worker.terminate()));
  }

  #leastBusy(): Thread {
    let found = 0;
    for (const [index, thread] of this.#threads.entries())
      if ((thread?.burns.size ?? 0) < (this.#threads[found]?.burns.size ?? 0)) found = index;
    this.#threads[found] ??= this.#startThread(found);
    return this.#threads[found] as Thread;
  }

  #startThread(index: number): Thread {
    // The parent's flags (a test runner's loader among them) are not for this one.
    const worker = new Worker(BODY, { execArgv: [] });
    const thread: Thread = { worker, burns: new Map() };
    let cause: unknown;
    worker.on("message", (done: BurnDone) => thread.burns.get(done.id)?.resolve(done));
    worker.on("error", (error) => {
      cause = error;
    });
    worker.on("exit", () => {
      // The next burn gets a new one.
      if (this.#threads[index] === thread) this.#threads[index] = undefined;
      for (const burn of thread.burns.values()) burn.reject(new Error("the burning thread ended", { cause }));
    });
    return thread;
  }
}
