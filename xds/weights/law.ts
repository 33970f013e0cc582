import type { LawEndpoint, LawInput, LawState } from "./law-input.ts";
import { relativeWeights } from "./relative-weights.ts";
import { TUNING, type Tuning } from "./tuning.ts";

/** The weight of the fleet's mean endpoint, and of all of them when the weights are equal. */
export const NEUTRAL_WEIGHT = 100;

/** Envoy refuses a locality whose weights sum to 2^32 or more (envoy.config.endpoint.v3.LocalityLbEndpoints). */
const LARGEST_SUM = 2 ** 32 - 1;

export interface LawResult extends LawState {
  /** False: nothing changed enough to tell Envoy; `weights` is what it holds already. */
  readonly changed: boolean;
}

/**
 * The weight law: an integer of at least 1 for each endpoint, with a sum that Envoy takes. A pure function: the same
 * inputs give the same weights on every replica and after a restart. Weights that differ little snap to exactly equal
 * ones; a weight moves only when its target has moved enough. docs/weights.md explains it for operators.
 */
export function computeWeights(input: LawInput, tuning: Tuning = TUNING): LawResult {
  const { endpoints, previous } = input;
  const ready = endpoints.filter((endpoint) => endpoint.state === "ready");
  const targets = relativeWeights(ready, input, tuning);
  const next = isInDeadBand(targets, previous, input.proxies, tuning)
    ? equalWeights(endpoints)
    : unequalWeights(endpoints, targets, previous, tuning);
  if (previous !== undefined && previous.equal === next.equal && sameWeights(previous.weights, next.weights))
    return { ...previous, changed: false };
  return { ...next, changed: true };
}

/** The dead band, with hysteresis: nearly equal weights in Envoy's schedule are worse than its pick among equal ones. */
function isInDeadBand(
  targets: ReadonlyMap<string, number>,
  previous: LawState | undefined,
  proxies: number,
  tuning: Tuning,
): boolean {
  if (targets.size < 2) return true;
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (const target of targets.values()) {
    least = Math.min(least, target);
    most = Math.max(most, target);
  }
  const leave = proxies > 1 ? tuning.leaveEqualManyProxies : tuning.leaveEqualOneProxy;
  const isUnequal = previous !== undefined && !previous.equal;
  return most < least * (isUnequal ? leave ** tuning.returnToEqualPower : leave);
}

function equalWeights(endpoints: readonly LawEndpoint[]): LawState {
  return { weights: new Map(endpoints.map(({ key }) => [key, NEUTRAL_WEIGHT])), equal: true };
}

function unequalWeights(
  endpoints: readonly LawEndpoint[],
  targets: ReadonlyMap<string, number>,
  previous: LawState | undefined,
  tuning: Tuning,
): LawState {
  const neutral = Math.min(NEUTRAL_WEIGHT, LARGEST_SUM / (endpoints.length * tuning.largest));
  const held = previous === undefined || previous.equal ? undefined : previous.weights;
  const ofReady = new Set<number>();
  const weights = new Map<string, number>();
  for (const { key } of endpoints) {
    const target = targets.get(key);
    const weight =
      target === undefined
        ? (held?.get(key) ?? Math.max(1, Math.floor(neutral)))
        : settle(target * neutral, neutral, held?.get(key), tuning);
    if (target !== undefined) ofReady.add(weight);
    weights.set(key, weight);
  }
  // Rounding may have made them the same.
  return ofReady.size === 1 ? equalWeights(endpoints) : { weights, equal: false };
}

/** The held weight while the target is near it, else the target rounded to the grid: small steps are no reason to push. */
function settle(target: number, neutral: number, held: number | undefined, tuning: Tuning): number {
  if (held !== undefined && target <= held * tuning.keepWithin && target * tuning.keepWithin >= held) return held;
  const step = Math.round(Math.log2(target / neutral) * tuning.stepsPerOctave);
  return Math.max(1, Math.floor(neutral * 2 ** (step / tuning.stepsPerOctave)));
}

function sameWeights(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): boolean {
  if (before.size !== after.size) return false;
  for (const [key, weight] of after) if (before.get(key) !== weight) return false;
  return true;
}
