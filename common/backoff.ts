/** How long to wait between attempts, in ms. */
export interface BackoffOptions {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** From a quarter of a second to half a minute: a restarted API server is met early and not stormed. */
export const BACKOFF: BackoffOptions = { baseMs: 250, maxMs: 30_000 };

/**
 * The wait before attempt `failures` + 1, doubled each time; half of it is random, so that many clients of one server
 * that fell do not come back at once.
 * @param failures failures in a row, from 1
 * @param random from 0 to 1
 */
export function backoffMs(failures: number, options: BackoffOptions = BACKOFF, random = Math.random()): number {
  // The exponent is bounded, or days of failures would overflow.
  const full = Math.min(options.maxMs, options.baseMs * 2 ** Math.min(failures - 1, 20));
  return full * (0.5 + random / 2);
}
