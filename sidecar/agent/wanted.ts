/** What a meter saw between two looks. All times in nanoseconds; a source that does not exist leaves its field at 0. */
export interface Reading {
  /** CPU time used. */
  readonly usedNs: number;
  /** Time that threads were runnable but waited for a CPU, summed over the threads. */
  readonly waitedNs: number;
  /** Time in which some thread waited (pressure stall information, averaged over the cores that were busy). */
  readonly pressureNs: number;
  /** Time that the quota held it back. */
  readonly throttledNs: number;
}

export const NOTHING: Reading = { usedNs: 0, waitedNs: 0, pressureNs: 0, throttledNs: 0 };

export function addReadings(a: Reading, b: Reading): Reading {
  return {
    usedNs: a.usedNs + b.usedNs,
    waitedNs: a.waitedNs + b.waitedNs,
    pressureNs: a.pressureNs + b.pressureNs,
    throttledNs: a.throttledNs + b.throttledNs,
  };
}

/** CPU as shares of the capacity: each 0 to 1. */
export interface CpuShares {
  /** Wanted: used, plus what it waited for. A worker that its neighbours starve reads as busy as it is. */
  readonly utilisation: number;
  readonly used: number;
  readonly waited: number;
  readonly throttled: number;
}

/**
 * CPU wanted over a time, from what was read in it.
 * @param capacity cores that it may use, above 0
 * @param elapsedNs above 0
 */
export function cpuShares(reading: Reading, capacity: number, elapsedNs: number): CpuShares {
  const available = capacity * elapsedNs;
  const share = (ns: number) => Math.min(1, Math.max(0, ns / available));
  // Throttled threads wait too, and pressure counts them: the largest of the three is the waiting, not their sum.
  const waitedNs = Math.max(reading.waitedNs, pressureWaitNs(reading, available, elapsedNs), reading.throttledNs);
  return {
    utilisation: share(reading.usedNs + waitedNs),
    used: share(reading.usedNs),
    waited: share(waitedNs),
    throttled: share(reading.throttledNs),
  };
}

/**
 * Thread time spent waiting, from pressure. Pressure is a mean over the cores that the group was busy on. With one thread on each of n cores,
 * used = n x (1 - p), so n x p = used x p / (1 - p). It is at least p (one core), and at most p on every core of the capacity.
 */
function pressureWaitNs(reading: Reading, availableNs: number, elapsedNs: number): number {
  const p = Math.min(1, reading.pressureNs / elapsedNs);
  if (p <= 0) return 0;
  const spread = p < 1 ? (reading.usedNs * p) / (1 - p) : Number.POSITIVE_INFINITY;
  return Math.max(reading.pressureNs, Math.min(spread, p * availableNs));
}
