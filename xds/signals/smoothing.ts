import type { CpuSample } from "./signal.ts";

/**
 * Time constant of the smoothing of CPU samples, in ms. Measured in the weight law's simulation (docs/weights.md): windows
 * of 100 ms jump between 0 and 1 on a worker that serves one request at a time; at 250 ms a calm fleet's weights follow
 * them, at 400 ms a step of the CPU is answered too late for one second.
 */
export const SMOOTHING_MS = 300;

/**
 * An exponentially weighted mean over time, for samples at uneven intervals: each is believed as far as the time since the
 * one before it outweighs the time constant. A first sample, and one of another source, is taken as it is.
 */
export function smooth(
  previous: CpuSample | undefined,
  next: CpuSample,
  timeConstantMs: number = SMOOTHING_MS,
): CpuSample {
  if (previous === undefined || previous.source !== next.source) return next;
  const elapsedMs = Math.max(0, next.atMs - previous.atMs);
  const share = 1 - Math.exp(-elapsedMs / timeConstantMs);
  return { ...next, utilisation: previous.utilisation + share * (next.utilisation - previous.utilisation) };
}
