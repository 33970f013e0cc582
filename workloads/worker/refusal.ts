import type { IncomingMessage } from "node:http";
import { performance } from "node:perf_hooks";

/** Why an upload is not run, as `worker_rejected_total` counts it. */
export type RefusalReason =
  | "unusable"
  | "too-large"
  | "too-slow"
  | "queue-full"
  | "arriving-full"
  | "space-full"
  | "disk-fails"
  | "draining";

/** An upload that is not run, and what the client is told. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly reason: RefusalReason;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  private constructor(
    reason: RefusalReason,
    status: number,
    detail: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.reason = reason;
    this.status = status;
    this.headers = headers;
  }

  /** 422: there is no script in it. */
  static unusable(detail: string): Refusal {
    return new Refusal("unusable", 422, detail);
  }

  /** 413: the script is larger than `maxBytes`. */
  static tooLarge(maxBytes: number): Refusal {
    return new Refusal("too-large", 413, `the upload is too large: a script may have ${maxBytes} bytes`);
  }

  /** 408: it came so slowly that it only held its place. */
  static tooSlow(detail: string): Refusal {
    return new Refusal("too-slow", 408, detail, { connection: "close" });
  }

  /** 503: every place of those that arrive is taken. */
  static arrivingFull(): Refusal {
    return new Refusal("arriving-full", 503, "too many uploads arrive at the worker at once", NOT_STARTED);
  }

  /** 503: there is no room on the disk for more of it. */
  static spaceFull(): Refusal {
    return new Refusal("space-full", 503, "the worker has no room for more uploads just now", NOT_STARTED);
  }

  /** 503: the disk takes no more, or not this one. */
  static diskFails(): Refusal {
    return new Refusal("disk-fails", 503, "the worker cannot write uploads to its disk just now", NOT_STARTED);
  }

  /** 503: every place of those that wait and run is taken. */
  static queueFull(): Refusal {
    return new Refusal("queue-full", 503, "the worker is busy and its queue is full", NOT_STARTED);
  }

  /**
   * 503: the worker is stopping.
   * @param started whether the script may have begun
   */
  static draining(started: boolean): Refusal {
    return new Refusal(
      "draining",
      503,
      started ? "the worker had to stop before the script ended" : "the worker is stopping",
      started ? {} : NOT_STARTED,
    );
  }
}

/** A proxy may send the upload elsewhere: no script has started here. */
const NOT_STARTED = { "retry-after": "1", "x-evenkeel-not-started": "1" } as const;

/** How much of a body, and for how long, is read only to throw it away before the refusal is sent. */
const BEFORE_ANSWER = { bytes: 2 ** 20, ms: 250 } as const;
/** The same after it: whoever is still sending then does not read answers, and the connection is closed. */
const AFTER_ANSWER = { bytes: 8 * 2 ** 20, ms: 2000 } as const;

const LOOK_MS = 10;

/**
 * Reads on, and throws away, a body that nobody wants. A connection that is closed with unread data is reset, and many
 * clients then never see the answer; so a short rest of a body is taken in first.
 * @returns whether the body has ended
 */
export async function takeRest(request: IncomingMessage): Promise<boolean> {
  await discard(request, BEFORE_ANSWER);
  return request.complete;
}

/** Goes on after the answer, and closes the connection when the body does not end. */
export async function lingerThenClose(request: IncomingMessage): Promise<void> {
  await discard(request, AFTER_ANSWER);
  if (!request.complete) request.socket.destroy();
}

function discard(request: IncomingMessage, limit: { readonly bytes: number; readonly ms: number }): Promise<void> {
  const { socket } = request;
  // The socket's own counter: a request whose response has ended emits no data, though it still arrives.
  const begin = socket.bytesRead;
  const deadline = performance.now() + limit.ms;
  const isOver = (): boolean =>
    request.complete || socket.destroyed || socket.bytesRead - begin > limit.bytes || performance.now() > deadline;
  request.unpipe();
  request.resume();
  return new Promise((resolve) => {
    const look = (): void => {
      if (isOver()) resolve();
      else setTimeout(look, LOOK_MS);
    };
    // A small body is often in the process already, and only has to be let through.
    setImmediate(look);
  });
}
