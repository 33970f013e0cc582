import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { type Asked, unreachable } from "../../common/kubernetes/failure.ts";

/** What an HTTP server answered. */
export interface Answer {
  readonly body: string;
  /** How far its clock is ahead of ours at least, in ms; negative: behind; undefined when it told no time. */
  readonly aheadMs: number | undefined;
}

/** `Date` has whole seconds: it may be told so much late, in ms. */
const DATE_MS = 1000;

/**
 * How far a server's clock is ahead of ours at least, by the `Date` of its answer: 0 while both may be right.
 * @param askedMs our clock when it was asked and when it had answered, in ms since 1970
 * @returns ms; negative: behind; undefined when the header is no time
 */
export function aheadOf(header: string | null | undefined, askedMs: number, answeredMs: number): number | undefined {
  const dateMs = Date.parse(header ?? "");
  if (Number.isNaN(dateMs)) return undefined;
  if (dateMs > answeredMs) return dateMs - answeredMs;
  return Math.min(0, dateMs + DATE_MS - askedMs);
}

/**
 * Reads an answer that has begun.
 * @throws EvenkeelError EK_KUBE_UNREACHABLE when it breaks off
 */
export async function bodyOf(response: IncomingMessage, asked: Asked): Promise<string> {
  try {
    return await text(response);
  } catch (cause) {
    throw unreachable(cause, asked);
  }
}
