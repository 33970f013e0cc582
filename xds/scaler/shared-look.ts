import { EvenkeelError } from "../../common/errors.ts";

export interface SharedLookOptions<T> {
  /** Looks; must end when its signal does. */
  readonly look: (signal: AbortSignal) => Promise<T>;
  /** What is awaited, for the message of a timeout, e.g. `the count of images`. */
  readonly what: string;
  /** An answer, or a failure, serves everybody who asks within this time, in ms. */
  readonly keepMs: number;
  /** For one look, in ms. */
  readonly deadlineMs: number;
  readonly nowMs?: () => number;
}

/** A look-up that many share: one at a time, its answer kept for a moment, never waited for longer than its deadline. */
export class SharedLook<T> {
  readonly #options: SharedLookOptions<T>;
  readonly #nowMs: () => number;
  #current: { readonly answer: Promise<T>; endedMs: number | undefined } | undefined;

  constructor(options: SharedLookOptions<T>) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** @throws what the look threw; EvenkeelError EK_TIMEOUT */
  get(): Promise<T> {
    const { keepMs } = this.#options;
    const kept = this.#current;
    if (kept !== undefined && (kept.endedMs === undefined || this.#nowMs() - kept.endedMs < keepMs)) return kept.answer;
    const current = { answer: this.#look(), endedMs: undefined as number | undefined };
    const end = () => {
      current.endedMs = this.#nowMs();
    };
    current.answer.then(end, end);
    this.#current = current;
    return current.answer;
  }

  /** The next one to ask gets a new look. */
  forget(): void {
    this.#current = undefined;
  }

  async #look(): Promise<T> {
    const { look, what, deadlineMs } = this.#options;
    const stop = new AbortController();
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.reject(new EvenkeelError("EK_TIMEOUT", `${what} did not come within ${deadlineMs} ms`));
      stop.abort();
    }, deadlineMs);
    try {
      return await Promise.race([look(stop.signal), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}
