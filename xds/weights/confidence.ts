import { TUNING, type Tuning } from "./tuning.ts";

/**
 * How far a signal of this age is believed: 1 while fresh, 0 once gone, straight between them.
 * @param serviceMs the mean time of a request, 0 when unknown: a queue lasts about as long as the requests in it run
 */
export function confidenceAt(ageMs: number, serviceMs: number, tuning: Tuning = TUNING): number {
  const freshMs = Math.max(tuning.freshMs, tuning.freshServiceTimes * serviceMs);
  const goneMs = Math.max(tuning.goneMs, tuning.goneServiceTimes * serviceMs);
  if (!(ageMs < goneMs)) return 0;
  return ageMs <= freshMs ? 1 : (goneMs - ageMs) / (goneMs - freshMs);
}
