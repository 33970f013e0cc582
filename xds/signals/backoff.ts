/** First and longest time between two tries to reach an agent, in ms. */
const FIRST_MS = 100;
const LONGEST_MS = 2000;

/**
 * How long to wait before the next try: doubled with each failure, from 100 ms to 2 s, less up to half of it by chance, so
 * that the agents of a node which returns are not all called at once.
 * @param failures in a row, 1 or more
 */
export function retryDelayMs(failures: number, random: () => number = Math.random): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(30, failures - 1));
  return full * (1 - random() / 2);
}
