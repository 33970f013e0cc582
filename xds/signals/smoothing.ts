import type { CpuSample, CpuSignal } from "./signal.ts";

/**
 * Time constant of the smoothing of CPU samples, in ms. Measured in the weight law's simulation (docs/weights.md): windows
 * of 100 ms jump between 0 and 1 on a worker that serves one request at a time; at 250 ms a calm fleet's weights follow
 * them, at 400 ms a step of the CPU is answered too late for one second. The law uses the last sample alone where it knows
 * that requests are cheap or that there are none.
 */
export const SMOOTHING_MS = 300;

/**
 * An exponentially weighted mean over time, for samples at uneven intervals: each is believed as far as the time since the
 * one before it outweighs the time constant. A first sample, and one of another source, is taken as it is.
 */
export function smooth(
  previous: CpuSignal | undefined,
  next: CpuSample,
  timeConstantMs: number = SMOOTHING_MS,
): CpuSignal {
  const latest = next.utilisation;
  if (previous === undefined || previous.source !== next.source) return { ...next, latest };
  const elapsedMs = Math.max(0, next.atMs - previous.atMs);
  const share = 1 - Math.exp(-elapsedMs / timeConstantMs);
  return { ...next, latest, utilisation: previous.utilisation + share * (latest - previous.utilisation) };
}
