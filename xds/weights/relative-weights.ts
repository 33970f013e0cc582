import type { LoadSample } from "../signals/signal.ts";
import { confidenceAt } from "./confidence.ts";
import type { LawEndpoint, LawInput } from "./law.ts";
import { estimateOwnUse } from "./own-use.ts";
import type { Tuning } from "./tuning.ts";

/** One endpoint with what is still believed of its signal. */
interface Belief {
  /** Used share of its CPU, smoothed, 0 to 1; undefined: unknown. */
  readonly utilisation: number | undefined;
  /** The same, of the last sample alone. */
  readonly latest: number;
  /** When that was, in ms. */
  readonly atMs: number;
  /** 0: says nothing; 1: fresh. */
  readonly confidence: number;
  readonly load: LoadSample | undefined;
}

/**
 * The law's target for each ready endpoint, by key, in proportion to the fleet's mean endpoint (1):
 * `(speed / mean speed) ^ (exponent * confidence)`, where speed is the share of its machine that our requests can have:
 * what is free, and what they use already. An endpoint of which nothing fresh is known gets 1.
 */
export function relativeWeights(
  ready: readonly LawEndpoint[],
  { nowMs, proxies, coverage }: Pick<LawInput, "nowMs" | "proxies" | "coverage">,
  tuning: Tuning,
): ReadonlyMap<string, number> {
  const loads = ready.map(({ signal }) => usableLoad(signal?.load, nowMs, tuning));
  const serviceMs = meanServiceMs(loads);
  const beliefs = ready.map(({ signal }, index): Belief => {
    const { utilisation, latest } = signal?.cpu ?? { utilisation: Number.NaN, latest: Number.NaN };
    if (signal?.cpu === undefined || !Number.isFinite(utilisation) || !Number.isFinite(latest))
      return { utilisation: undefined, latest: 0, atMs: nowMs, confidence: 0, load: loads[index] };
    return {
      utilisation: share(utilisation),
      latest: share(latest),
      atMs: signal.cpu.atMs,
      confidence: confidenceAt(nowMs - signal.cpu.atMs, serviceMs, tuning),
      load: loads[index],
    };
  });
  const allReport = coverage.reporters > 0 && coverage.reporters >= proxies;
  const ownUse = estimateOwnUse(beliefs, allReport, tuning);
  const reportedMs = allReport ? coverage.untilMs : Number.NEGATIVE_INFINITY;
  const speeds = beliefs.map((belief, index) => {
    const { utilisation = 0, latest } = belief;
    const smoothed = smoothingNeed(belief, reportedMs, ownUse?.leastCostMs, tuning);
    return speedOf(latest + smoothed * (utilisation - latest), ownUse?.shares[index], tuning);
  });
  const mean = meanSpeed(speeds, beliefs);
  const requests = sum(loads, (load) => load.requestsPerSecond);
  const errors = sum(loads, (load) => load.errorsPerSecond);
  return new Map(
    ready.map((endpoint, index) => {
      const { confidence, load } = beliefs[index] as Belief;
      const earned = ((speeds[index] as number) / mean) ** (tuning.exponent * confidence);
      const excess = excessErrors(load, requests, errors, tuning);
      const isNew = (endpoint.knownForMs ?? tuning.slowStartMs) < tuning.slowStartMs;
      // Idle-looking is not fast: not while new, not while failing, and not where no load report tells them apart.
      const most = isNew || excess > 0 || ownUse === undefined ? 1 : tuning.largest;
      const weight = Math.min(earned, most) * (1 - excess) ** tuning.exponent;
      return [endpoint.key, Math.max(tuning.smallest, weight)];
    }),
  );
}

/**
 * How far the smoothed figure is to be used instead of the last one, 0 to 1. Smoothing is there for one thing only: our own
 * requests fill and empty a short window by themselves, the more so the longer each one runs. A figure whose window had none
 * of them needs none. That takes load reports as fresh as the figure: the first requests of a burst look like outside work.
 * @param reportedMs all proxies have reported up to this time
 * @param leastCostMs CPU time that most requests take at least; undefined: unknown
 */
function smoothingNeed(
  { atMs, load }: Belief,
  reportedMs: number,
  leastCostMs: number | undefined,
  tuning: Tuning,
): number {
  if (reportedMs < atMs) return 1;
  if (load === undefined || load.busyMs <= atMs - tuning.windowMs) return 0;
  // A request that is under way may be longer than most.
  if (leastCostMs === undefined || load.inFlight > 0) return 1;
  return Math.min(1, leastCostMs / tuning.smoothedFromMs);
}

/** @param ownUse share of the machine used for our requests; undefined: unknown */
function speedOf(utilisation: number, ownUse: number | undefined, tuning: Tuning): number {
  if (ownUse === undefined) return 1 - utilisation + tuning.assumedOwnUse;
  return Math.max(tuning.leastSpeed, 1 - utilisation + Math.min(utilisation, ownUse));
}

/** Weighed by confidence, so that a signal which ages out moves nothing at once. */
function meanSpeed(speeds: readonly number[], beliefs: readonly Belief[]): number {
  let total = 0;
  let weight = 0;
  for (const [index, { confidence }] of beliefs.entries()) {
    total += (speeds[index] as number) * confidence;
    weight += confidence;
  }
  return weight > 0 ? total / weight : 1;
}

function usableLoad(load: LoadSample | undefined, nowMs: number, tuning: Tuning): LoadSample | undefined {
  return load === undefined || nowMs - load.atMs > tuning.loadGoneMs ? undefined : load;
}

/** Little's law over the whole cluster: time in the system = requests in it / rate. In ms; 0 when unknown. */
function meanServiceMs(loads: readonly (LoadSample | undefined)[]): number {
  const rate = sum(loads, (load) => load.requestsPerSecond);
  return rate > 0 ? (1000 * sum(loads, (load) => load.inFlight)) / rate : 0;
}

/**
 * The share of its requests that an endpoint fails beyond what the others fail, 0 to 1: a broken backend behind all of
 * them holds nobody back. One imagined success a second keeps a single failure on a quiet endpoint from counting.
 */
function excessErrors(load: LoadSample | undefined, requests: number, errors: number, tuning: Tuning): number {
  if (load === undefined || load.errorsPerSecond <= 0) return 0;
  const others = requests - load.requestsPerSecond;
  if (others <= 0) return 0;
  const own = load.errorsPerSecond / (load.requestsPerSecond + 1);
  const usual = Math.max(0, errors - load.errorsPerSecond) / (others + 1);
  const excess = (own - usual - tuning.errorTolerance) / (1 - tuning.errorTolerance);
  return Math.min(1, Math.max(0, excess));
}

function share(value: number): number {
  return Math.min(1, Math.max(0, value));
}

function sum(loads: readonly (LoadSample | undefined)[], of: (load: LoadSample) => number): number {
  return loads.reduce((total, load) => total + (load === undefined ? 0 : of(load)), 0);
}
