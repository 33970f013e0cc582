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
  let pause = leastMs;
  return {
    next() {
      const now = pause;
      pause = Math.min(mostMs, 2 * pause);
      return now * (0.5 + 0.5 * random());
    },
    reset() {
      pause = leastMs;
    },
  };
}
