import type { LoadSample } from "../signals/signal.ts";
import { TUNING, type Tuning } from "./tuning.ts";

/** What own use is estimated from. */
export interface OwnUseInput {
  /** Used share of the CPU, 0 to 1; undefined: unknown. */
  readonly utilisation: number | undefined;
  readonly confidence: number;
  readonly load: LoadSample | undefined;
}

/**
 * How much of its machine each endpoint uses for our requests: its rate of requests times the CPU time of one, which is
 * the same for all workers and is found as the median of utilisation / rate. What is used beyond that is outside work
 * (or a slower machine). Without this, a worker that is busy with our own requests would look slow, the law would answer
 * its own weights, and they would swing.
 * @returns shares of a machine in the order of the input; undefined when no load report can be used
 */
export function estimateOwnUse(
  endpoints: readonly OwnUseInput[],
  tuning: Tuning = TUNING,
): readonly number[] | undefined {
  const reported = endpoints.filter(({ load }) => load !== undefined && load.requestsPerSecond > 0);
  if (reported.length === 0) return undefined;
  const meanRate =
    reported.reduce((sum, { load }) => sum + (load as LoadSample).requestsPerSecond, 0) / reported.length;
  const cost = medianCost(reported);
  if (cost === undefined) return undefined;
  return endpoints.map(({ load }) => {
    if (load === undefined) return meanRate * cost;
    const trust = meanRate / (meanRate + tuning.priorRequests);
    return cost * (trust * load.requestsPerSecond + (1 - trust) * meanRate);
  });
}

/** CPU-seconds of one request: the median over all requests of utilisation / rate of the endpoint that served them. */
function medianCost(endpoints: readonly OwnUseInput[]): number | undefined {
  const costs = endpoints
    .filter(({ utilisation, confidence }) => utilisation !== undefined && confidence > 0)
    .map(({ utilisation = 0, load }) => {
      const rate = (load as LoadSample).requestsPerSecond;
      return { cost: utilisation / rate, rate };
    })
    .sort((a, b) => a.cost - b.cost);
  let left = costs.reduce((sum, { rate }) => sum + rate, 0) / 2;
  for (const { cost, rate } of costs) {
    left -= rate;
    if (left <= 0) return cost;
  }
  return undefined;
}
