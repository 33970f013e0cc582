import { TUNING, type Tuning } from "./tuning.ts";

/**
 * How far an agent's figure of this age is believed: 1 while fresh, 0 once gone, straight between them.
 * @param serviceMs the mean time of a request, 0 when unknown: a queue lasts about as long as the requests in it run
 */
export function confidenceAt(ageMs: number, serviceMs: number, tuning: Tuning = TUNING): number {
  const freshMs = Math.max(tuning.freshMs, tuning.freshServiceTimes * serviceMs);
  const goneMs = Math.max(tuning.goneMs, tuning.goneServiceTimes * serviceMs);
  return fade(ageMs, freshMs, goneMs);
}

/**
 * The same for a figure of a slow source, which is old whenever it is used: what counts is whether the next one is overdue.
 * @param overMs how long it was measured
 */
export function slowConfidenceAt(ageMs: number, overMs: number, serviceMs: number, tuning: Tuning = TUNING): number {
  const freshMs = Math.max(tuning.slowFreshPeriods * overMs, tuning.freshServiceTimes * serviceMs);
  const goneMs = Math.max(tuning.slowGonePeriods * overMs, tuning.goneServiceTimes * serviceMs);
  return fade(ageMs, freshMs, goneMs);
}

function fade(ageMs: number, freshMs: number, goneMs: number): number {
  if (!(ageMs < goneMs)) return 0;
  return ageMs <= freshMs ? 1 : (goneMs - ageMs) / (goneMs - freshMs);
}
