import { setTimeout as sleep } from "node:timers/promises";
import { EvenkeelError } from "../../common/errors.ts";
import type { Logger } from "../../common/log.ts";
import { backoff } from "./backoff.ts";

const SHORTEST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;

/** Writes that must succeed: tried until they do, or until there is no more time. */
export class Persistence {
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  #lastFault = "";

  constructor(log: Logger, signal: AbortSignal) {
    this.#log = log;
    this.#signal = signal;
  }

  /**
   * Does `write` until it succeeds. Its faults are told once each, and so is the end of them.
   * @param where the file or folder, for the message
   * @throws the signal's reason
   */
  async insist<T>(where: string, write: () => Promise<T>): Promise<T> {
    const pauses = backoff(SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS);
    for (;;) {
      this.#signal.throwIfAborted();
      try {
        const result = await write();
        if (this.#lastFault !== "") this.#log.info("results are written again");
        this.#lastFault = "";
        return result;
      } catch (cause) {
        // Settings that are wrong do not mend themselves.
        if (cause instanceof EvenkeelError && cause.code === "EK_SETTING_INVALID") throw cause;
        const fault = faultOf(where, cause).describe();
        if (fault !== this.#lastFault) this.#log.error({ error: fault }, "nothing is acknowledged until it is written");
        this.#lastFault = fault;
        await sleep(pauses.next(), undefined, { signal: this.#signal });
      }
    }
  }
}

/** Node's message repeats paths that differ from write to write: only the kind of fault tells faults apart. */
function faultOf(where: string, cause: unknown): EvenkeelError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const known: Readonly<Record<string, string>> = {
    ENOSPC: "the disk is full (ENOSPC)",
    EDQUOT: "the disk quota is used up (EDQUOT)",
    EROFS: "the file system is read-only (EROFS)",
    EACCES: "the folder's rights forbid it (EACCES)",
  };
  return new EvenkeelError("EK_RESULTS_UNWRITABLE", known[code ?? ""] ?? message, { where, cause });
}
