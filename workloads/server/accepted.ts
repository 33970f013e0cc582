import type { ServerResponse } from "node:http";
import { Stopped } from "./stopped.ts";

/** The requests that have been accepted, each until its answer is known. */
export class Accepted {
  readonly #requests = new Set<AbortController>();
  readonly #whenEmpty: (() => void)[] = [];

  /**
   * Does the work of a request.
   * @param work gets a signal that aborts with {@link Stopped} when the client leaves, or with {@link stop}
   */
  async run<T>(response: ServerResponse, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const request = new AbortController();
    const onClose = (): void => request.abort(new Stopped("gone"));
    this.#requests.add(request);
    response.once("close", onClose);
    try {
      return await work(request.signal);
    } finally {
      response.off("close", onClose);
      this.#requests.delete(request);
      if (this.#requests.size === 0) for (const tell of this.#whenEmpty.splice(0)) tell();
    }
  }

  /** Ends all work that is still done. */
  stop(): void {
    for (const request of this.#requests) request.abort(new Stopped("stopped"));
  }

  /** Settles when nothing is left to be done. */
  async empty(): Promise<void> {
    if (this.#requests.size > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
  }
}
