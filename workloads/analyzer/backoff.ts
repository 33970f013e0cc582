import { backoffMs } from "../../common/backoff.ts";

/** The pauses between tries of something that fails: each twice as long as the one before, with chance in it. */
export interface Backoff {
  /** The next pause, in milliseconds. */
  next(): number;
  /** It worked: the next pause is the shortest again. */
  reset(): void;
}

/**
 * @param random a number from 0 to 1; so that many clients do not come back all at once, a pause is from half of its
 * length to all of it
 */
export function backoff(leastMs: number, mostMs: number, random: () => number = Math.random): Backoff {
  let failures = 0;
  return {
    next() {
      failures += 1;
      return backoffMs(failures, { baseMs: leastMs, maxMs: mostMs }, random());
    },
    reset() {
      failures = 0;
    },
  };
}
