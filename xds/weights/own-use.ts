import type { LoadSample } from "../signals/signal.ts";
import { TUNING, type Tuning } from "./tuning.ts";

/** Outside work on half of a fleet, coming to one part and leaving another, raises the median of the costs, but not this. */
const CHEAPEST_QUARTER = 0.25;

/** What own use is estimated from. */
export interface OwnUseInput {
  /** Used share of the CPU, 0 to 1; undefined: unknown. */
  readonly utilisation: number | undefined;
  readonly confidence: number;
  readonly load: Pick<LoadSample, "requestsPerSecond" | "inFlight"> | undefined;
  /** The time that the rate of requests is about, in s. */
  readonly rateOverS: number;
}

export interface OwnUse {
  /** Shares of a machine, in the order of the endpoints. */
  readonly shares: readonly number[];
  /** CPU time that three quarters of the requests take at least, in ms; undefined: too few of them to tell. */
  readonly leastCostMs: number | undefined;
}

/**
 * How much of its machine each endpoint uses for our requests: its rate of requests times the CPU time of one, which is
 * the same for all workers and is found as the median of utilisation / rate. What is used beyond that is outside work
 * (or a slower machine). Without this, a worker that is busy with our own requests would look slow, the law would answer
 * its own weights, and they would swing.
 * @param allReport every proxy reports its load: what none reports is not there
 * @returns undefined when no load report can be used
 */
export function estimateOwnUse(
  endpoints: readonly OwnUseInput[],
  allReport: boolean,
  tuning: Tuning = TUNING,
): OwnUse | undefined {
  const isBusy = endpoints.some(({ load }) => load !== undefined && (load.requestsPerSecond > 0 || load.inFlight > 0));
  if (allReport && !isBusy) return { shares: endpoints.map(() => 0), leastCostMs: 0 };
  const reported = endpoints.filter(({ load }) => load !== undefined && load.requestsPerSecond > 0);
  if (reported.length === 0) return undefined;
  const rateOf = ({ load }: OwnUseInput) => load?.requestsPerSecond ?? 0;
  const meanRate = reported.reduce((sum, each) => sum + rateOf(each), 0) / reported.length;
  const meanRequests = reported.reduce((sum, each) => sum + rateOf(each) * each.rateOverS, 0) / reported.length;
  const costs = costsByRequest(reported);
  const cost = quantile(costs, 0.5);
  const leastCost = quantile(costs, CHEAPEST_QUARTER);
  if (cost === undefined || leastCost === undefined) return undefined;
  const tells = meanRequests >= tuning.tellingRequests;
  // Of a second with a request or two, the cost is that of a worker that just had one: when it is one with outside work, that
  // work would pass for our own.
  const most = tells ? Number.POSITIVE_INFINITY : tuning.assumedOwnUse;
  const shares = endpoints.map(({ load, rateOverS }) => {
    if (load === undefined) return Math.min(most, meanRate * cost);
    const trust = (meanRate * rateOverS) / (meanRate * rateOverS + tuning.priorRequests);
    return Math.min(most, cost * (trust * load.requestsPerSecond + (1 - trust) * meanRate));
  });
  return { shares, leastCostMs: tells ? 1000 * leastCost : undefined };
}

interface Cost {
  /** CPU-seconds of one request: utilisation / rate of the endpoint that served it. */
  readonly cost: number;
  /** Requests a second with this cost. */
  readonly rate: number;
}

/** The costs of all requests, cheapest first. */
function costsByRequest(endpoints: readonly OwnUseInput[]): readonly Cost[] {
  return endpoints
    .filter(({ utilisation, confidence }) => utilisation !== undefined && confidence > 0)
    .map(({ utilisation = 0, load }) => {
      const rate = load?.requestsPerSecond ?? 0;
      return { cost: utilisation / rate, rate };
    })
    .sort((a, b) => a.cost - b.cost);
}

/** The cost that a share `q` of the requests does not exceed; undefined without any. */
function quantile(costs: readonly Cost[], q: number): number | undefined {
  let left = q * costs.reduce((sum, { rate }) => sum + rate, 0);
  for (const { cost, rate } of costs) {
    left -= rate;
    if (left <= 0) return cost;
  }
  return undefined;
}
