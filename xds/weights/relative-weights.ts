import type { CpuFigure, CpuSignal, LoadSample } from "../signals/signal.ts";
import { figuresThatMustAgree } from "./agreement.ts";
import { confidenceAt, slowConfidenceAt } from "./confidence.ts";
import type { LawEndpoint, LawInput } from "./law-input.ts";
import { estimateOwnUse, type OwnUseInput } from "./own-use.ts";
import type { Tuning } from "./tuning.ts";

/** One endpoint with what is still believed of its signal. */
interface Belief {
  /** 0: says nothing; 1: fresh. */
  readonly confidence: number;
  readonly load: LoadSample | undefined;
  /** Its CPU comes from a slow source. */
  readonly isSlow: boolean;
  /** The agent's figure, or those of a slow source that must agree; one without a utilisation when nothing is known. */
  readonly readings: readonly Reading[];
}

/** One figure of its CPU, and the requests of the same time. */
interface Reading extends OwnUseInput {
  /** The utilisation of the last sample alone; {@link OwnUseInput.utilisation} is smoothed. */
  readonly latest: number;
  /** When it was measured, in ms. */
  readonly atMs: number;
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
  const beliefs = ready.map(({ signal }, index) => believe(signal?.cpu, loads[index], nowMs, serviceMs, tuning));
  const allReport = coverage.reporters > 0 && coverage.reporters >= proxies;
  const readings = beliefs.flatMap((belief) => belief.readings);
  const ownUse = estimateOwnUse(readings, allReport, tuning);
  const reportedMs = allReport ? coverage.untilMs : Number.NEGATIVE_INFINITY;
  let read = 0;
  const speeds = beliefs.map(({ readings, isSlow, load }) => {
    // Trouble counts as far as all figures tell it.
    let speed = 0;
    for (const reading of readings) {
      const { utilisation = 0, latest } = reading;
      const smoothed = isSlow ? 1 : smoothingNeed(reading, load, reportedMs, ownUse?.leastCostMs, tuning);
      const own = ownUse?.shares[read++];
      speed = Math.max(speed, speedOf(latest + smoothed * (utilisation - latest), own, tuning));
    }
    return speed;
  });
  const mean = meanSpeed(speeds, beliefs);
  const trouble = ownUse === undefined ? tuning.slowTroubleUnreported : tuning.slowTrouble;
  const requests = sum(loads, (load) => load.requestsPerSecond);
  const errors = sum(loads, (load) => load.errorsPerSecond);
  return new Map(
    ready.map((endpoint, index) => {
      const { confidence, load, isSlow } = beliefs[index] as Belief;
      const ratio = (speeds[index] as number) / mean;
      // Late figures tell trouble, not shades.
      const earned = isSlow && ratio > trouble ? 1 : ratio ** (tuning.exponent * confidence);
      const excess = excessErrors(load, requests, errors, tuning);
      const isNew = (endpoint.knownForMs ?? tuning.slowStartMs) < tuning.slowStartMs;
      // Idle-looking is not fast: not while new, not while failing, not of late, and not where no load report tells them apart.
      const most = isNew || excess > 0 || isSlow || ownUse === undefined ? 1 : tuning.largest;
      const weight = Math.min(earned, most) * (1 - excess) ** tuning.exponent;
      return [endpoint.key, Math.max(tuning.smallest, weight)];
    }),
  );
}

function believe(
  cpu: CpuSignal | undefined,
  load: LoadSample | undefined,
  nowMs: number,
  serviceMs: number,
  tuning: Tuning,
): Belief {
  if (cpu === undefined || !Number.isFinite(cpu.utilisation) || !Number.isFinite(cpu.latest))
    return unknown(load, nowMs);
  const { utilisation, latest, atMs, overMs, figures } = cpu;
  if (figures === undefined) {
    const confidence = confidenceAt(nowMs - atMs, serviceMs, tuning);
    const reading = { utilisation: share(utilisation), latest: share(latest), atMs, confidence, load, rateOverS: 1 };
    return { confidence, load, isSlow: false, readings: [reading] };
  }
  const agreeing = figuresThatMustAgree(figures, tuning);
  if (agreeing === undefined) return unknown(load, nowMs);
  const confidence = slowConfidenceAt(nowMs - atMs, overMs, serviceMs, tuning);
  const readings = agreeing.map((figure): Reading => {
    const told = share(figure.utilisation);
    return { utilisation: told, latest: told, atMs: figure.atMs, confidence, ...requestsOf(figure, load) };
  });
  return { confidence, load, isSlow: true, readings };
}

function unknown(load: LoadSample | undefined, nowMs: number): Belief {
  const reading = { utilisation: undefined, latest: 0, atMs: nowMs, confidence: 0, load, rateOverS: 1 };
  return { confidence: 0, load, isSlow: false, readings: [reading] };
}

/**
 * The requests of the time that a slow figure is about, else the last ones. Measured, twelve proxies: with the last ones only,
 * machines of half speed have a p99 of 26.6 service times instead of 23.7, and one worker in trouble makes 113 pushes instead of 5.
 */
function requestsOf({ requestsPerSecond, overMs }: CpuFigure, load: LoadSample | undefined) {
  if (requestsPerSecond === undefined) return { load, rateOverS: 1 };
  return { load: { requestsPerSecond, inFlight: load?.inFlight ?? 0 }, rateOverS: overMs / 1000 };
}

/**
 * How far the smoothed figure is to be used instead of the last one, 0 to 1. Smoothing is there for one thing only: our own
 * requests fill and empty a short window by themselves, the more so the longer each one runs. A figure whose window had none
 * of them needs none. That takes load reports as fresh as the figure: the first requests of a burst look like outside work.
 * @param reportedMs all proxies have reported up to this time
 * @param leastCostMs CPU time that most requests take at least; undefined: unknown
 */
function smoothingNeed(
  { atMs }: Reading,
  load: LoadSample | undefined,
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
