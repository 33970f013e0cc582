import { shortLine } from "../../../common/plain-line.ts";
import type { Answer } from "./exchange.ts";

/** So many failures are shown whatever they are; after them, only the first one of each status. */
const SHOWN_FAILURES = 3;
const SHOWN_CHARACTERS = 200;

/** Says why a request failed, in one line that a terminal can bear. */
export function failureLine(method: string, url: URL, { status, text }: Answer): string {
  const shown = shortLine(text, SHOWN_CHARACTERS);
  const what = status === 0 ? "no answer" : `HTTP ${status}`;
  return `failed: ${method} ${url.href}: ${what}${shown === "" ? "" : `: ${shown}`}`;
}

/** Decides which failures are shown: the first ones, and the first one of each status. */
export class ShownFailures {
  readonly #statuses = new Set<number>();
  #shown = 0;

  isShown(status: number): boolean {
    if (this.#shown >= SHOWN_FAILURES && this.#statuses.has(status)) return false;
    this.#shown += 1;
    this.#statuses.add(status);
    return true;
  }
}

/** How a load goes. */
export interface Progress {
  readonly elapsedMs: number;
  readonly requests: number;
  readonly planned: number;
  readonly failed: number;
  readonly notSent: number;
  readonly inFlight: number;
  /** Since the last line. */
  readonly perSecond: number;
}

/** Says how a load goes, in one line. */
export function progressLine(progress: Progress): string {
  const { elapsedMs, requests, planned, failed, notSent, inFlight, perSecond } = progress;
  const late = notSent > 0 ? `, ${notSent} not sent` : "";
  return `${Math.round(elapsedMs / 1000)} s: ${requests} of ${planned} requests, ${failed} failed${late}, ${perSecond.toFixed(1)} req/s, ${inFlight} in flight`;
}

/** Where a load tells how it goes. */
export interface Display {
  /** Shows a line that stays. */
  line(text: string): void;
  /** Shows a line in place of the last one of these, where there is a terminal. */
  progress(text: string): void;
  /** Leaves the last progress line where it is. */
  end(): void;
}

/** Shows lines on a terminal, or writes them one after the other to a file or pipe. */
export function displayOn(stream: Pick<NodeJS.WriteStream, "write" | "isTTY">): Display {
  const [clear, end] = stream.isTTY ? ["\r\x1b[K", ""] : ["", "\n"];
  let open = false;
  return {
    line: (text) => {
      stream.write(`${open ? clear : ""}${text}\n`);
      open = false;
    },
    progress: (text) => {
      stream.write(`${clear}${text}${end}`);
      open = stream.isTTY;
    },
    end: () => {
      if (open) stream.write("\n");
      open = false;
    },
  };
}
