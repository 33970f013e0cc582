import { Worker } from "node:worker_threads";
import { EvenkeelError } from "../../../common/errors.ts";
import type { Answer, Order, Outcome, WorkerSettings } from "./protocol.ts";

/** A thread that begins needs its libraries first; on a busy machine that takes its time. */
const START_MS = 120_000;
/** How often an image may end the thread that analyses it. */
const TRIES = 2;

export interface PoolOptions extends WorkerSettings {
  /** Threads, each with one image at a time. */
  readonly workers: number;
  /** One image may take this long, in milliseconds; its thread is then ended. */
  readonly imageMs: number;
}

interface Waiting {
  readonly image: Uint8Array;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: Error) => void;
  tries: number;
}

interface Thread {
  readonly worker: Worker;
  task?: { readonly id: number; readonly waiting: Waiting; readonly timer: NodeJS.Timeout };
}

/** Worker threads that analyse images. One that ends is replaced; an image that ends threads is rejected. */
export class AnalysisPool {
  readonly #options: PoolOptions;
  readonly #threads = new Set<Thread>();
  readonly #queue: Waiting[] = [];
  #estimator = "";
  #lastId = 0;
  #isClosed = false;
  #starts = 0;

  private constructor(options: PoolOptions) {
    this.#options = options;
  }

  /**
   * Starts the threads.
   * @throws EvenkeelError EK_MODEL_INVALID, EK_CHILD_FAILED
   */
  static async start(options: PoolOptions): Promise<AnalysisPool> {
    const pool = new AnalysisPool(options);
    try {
      await Promise.all(Array.from({ length: options.workers }, () => pool.#startThread()));
    } catch (error) {
      await pool.close();
      throw error;
    }
    return pool;
  }

  /** The estimator's name. */
  get estimator(): string {
    return this.#estimator;
  }

  get workers(): number {
    return this.#options.workers;
  }

  /**
   * Analyses an image when a thread is free.
   * @throws Error when the pool is closed before
   */
  async analyse(image: Uint8Array): Promise<Outcome> {
    return await new Promise((resolve, reject) => {
      this.#queue.push({ image, resolve, reject, tries: 0 });
      this.#assign();
    });
  }

  /** Ends all threads; what they hold fails. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { reject } of this.#queue.splice(0)) reject(new Error("the pool is closed"));
    await Promise.all([...this.#threads].map(({ worker }) => worker.terminate()));
  }

  async #startThread(): Promise<void> {
    const { limits, model } = this.#options;
    const workerData: WorkerSettings = { limits, ...(model === undefined ? {} : { model }) };
    // The parent's flags (a test runner's loader among them) are not for this one.
    const worker = new Worker(new URL("./thread.ts", import.meta.url), { execArgv: [], workerData });
    this.#starts += 1;
    const thread: Thread = { worker };
    worker.on("exit", () => this.#onExit(thread));
    await ready(worker, (estimator) => {
      this.#estimator = estimator;
    });
    // Only what ends it tells why; the image it had is tried once more.
    worker.on("error", () => undefined);
    worker.on("message", (answer: Answer) => {
      if (answer.kind === "done") this.#finish(thread, answer.id, answer.outcome);
    });
    this.#threads.add(thread);
    if (this.#isClosed) await worker.terminate();
    this.#assign();
  }

  #assign(): void {
    for (const thread of this.#threads) {
      if (thread.task !== undefined) continue;
      const waiting = this.#queue.shift();
      if (waiting === undefined) return;
      this.#lastId += 1;
      waiting.tries += 1;
      const order: Order = { id: this.#lastId, image: new Uint8Array(waiting.image) };
      const timer = setTimeout(() => this.#overdue(thread, order.id), this.#options.imageMs);
      thread.task = { id: order.id, waiting, timer };
      thread.worker.postMessage(order, [order.image.buffer as ArrayBuffer]);
    }
  }

  #finish(thread: Thread, id: number, outcome: Outcome): void {
    if (thread.task?.id !== id) return;
    clearTimeout(thread.task.timer);
    thread.task.waiting.resolve(outcome);
    delete thread.task;
    this.#assign();
  }

  #overdue(thread: Thread, id: number): void {
    const reason = `its analysis was not done after ${this.#options.imageMs / 1000} s`;
    // First, so that no other image is given to what is about to end.
    this.#threads.delete(thread);
    this.#finish(thread, id, { kind: "rejected", reason });
    void thread.worker.terminate();
  }

  #onExit(thread: Thread): void {
    const waiting = thread.task?.waiting;
    clearTimeout(thread.task?.timer);
    this.#threads.delete(thread);
    if (waiting !== undefined) {
      if (this.#isClosed) waiting.reject(new Error("the pool is closed"));
      else if (waiting.tries < TRIES) this.#queue.unshift(waiting);
      else waiting.resolve({ kind: "rejected", reason: `its analysis ended the program ${TRIES} times` });
    }
    // A thread that never began has told its fault to who started it.
    if (this.#isClosed || this.#threads.size >= this.#options.workers || this.#starts < this.#options.workers) return;
    this.#startThread().catch((error: unknown) => {
      for (const { reject } of this.#queue.splice(0)) reject(error as Error);
    });
  }
}

async function ready(worker: Worker, onReady: (estimator: string) => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const failed = (what: string, cause?: unknown) => {
      // A timer that is left would keep a program that has failed from ending.
      clearTimeout(timer);
      reject(new EvenkeelError("EK_CHILD_FAILED", `a worker thread cannot begin: ${what}`, { cause }));
    };
    const timer = setTimeout(() => failed(`it was not ready after ${START_MS / 1000} s`), START_MS);
    worker.once("error", (error) => failed((error as Error).message, error));
    worker.once("exit", (code) => failed(`it ended with ${code}`));
    worker.once("message", (answer: Answer) => {
      clearTimeout(timer);
      if (answer.kind === "ready") {
        onReady(answer.estimator);
        resolve();
      } else if (answer.kind === "unfit") failed(answer.error);
    });
  });
}
