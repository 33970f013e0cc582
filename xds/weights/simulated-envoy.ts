import type { Random } from "./random.ts";

/** How a simulated proxy picks while its weights are equal: the best of all, or of so many random choices. */
export type UnweightedPick = number | "full-scan";

/**
 * One proxy's LEAST_REQUEST balancer, as Envoy 1.40 has it: unequal weights make an earliest-deadline-first schedule of
 * `weight / (active + 1) ^ bias`, equal ones some random choices or a scan for the fewest of its own requests.
 * Source: Envoy's `least_request_lb.cc` and `edf_scheduler.h`, restated.
 */
export class SimulatedEnvoy {
  readonly active: Int32Array;
  readonly #random: Random;
  readonly #unweighted: UnweightedPick;
  readonly #bias: number;
  readonly #seed: number;
  readonly #deadlines: Float64Array;
  readonly #order: Float64Array;
  #weights: readonly number[];
  #equal = true;
  #now = 0;
  #added = 0;

  constructor(workers: number, unweighted: UnweightedPick, activeRequestBias: number, random: Random) {
    this.active = new Int32Array(workers);
    this.#deadlines = new Float64Array(workers);
    this.#order = new Float64Array(workers);
    this.#weights = new Array<number>(workers).fill(1);
    this.#unweighted = unweighted;
    this.#bias = activeRequestBias;
    this.#random = random;
    this.#seed = Math.floor(random() * 2 ** 31);
  }

  /** Takes new weights: the schedule is made anew and starts at this proxy's own place in it. */
  update(weights: readonly number[]): void {
    this.#weights = weights;
    this.#equal = weights.every((weight) => weight === weights[0]);
    if (this.#equal) return;
    this.#now = 0;
    this.#added = 0;
    for (let host = 0; host < weights.length; host += 1) this.#add(host);
    for (let pick = this.#seed % weights.length; pick > 0; pick -= 1) this.#pickEarliest();
  }

  /** Picks a worker and counts the request as running on it. */
  pick(): number {
    const host = this.#equal ? this.#pickUnweighted() : this.#pickEarliest();
    this.active[host] = (this.active[host] as number) + 1;
    return host;
  }

  done(host: number): void {
    this.active[host] = (this.active[host] as number) - 1;
  }

  #add(host: number): void {
    const load = (this.active[host] as number) + 1;
    const weight = (this.#weights[host] as number) / (this.#bias === 1 ? load : load ** this.#bias);
    this.#deadlines[host] = this.#now + 1 / weight;
    this.#order[host] = this.#added++;
  }

  #pickEarliest(): number {
    const deadlines = this.#deadlines;
    let best = 0;
    for (let host = 1; host < deadlines.length; host += 1) {
      const difference = (deadlines[host] as number) - (deadlines[best] as number);
      if (difference < 0 || (difference === 0 && (this.#order[host] as number) < (this.#order[best] as number)))
        best = host;
    }
    this.#now = deadlines[best] as number;
    // Envoy weighs the host before its new request is counted.
    this.#add(best);
    return best;
  }

  #pickUnweighted(): number {
    const { active } = this;
    if (this.#unweighted !== "full-scan") {
      let chosen = Math.floor(this.#random() * active.length);
      for (let choice = 1; choice < this.#unweighted; choice += 1) {
        const other = Math.floor(this.#random() * active.length);
        if ((active[other] as number) < (active[chosen] as number)) chosen = other;
      }
      return chosen;
    }
    let best = 0;
    let ties = 1;
    for (let host = 1; host < active.length; host += 1) {
      const difference = (active[host] as number) - (active[best] as number);
      if (difference < 0) {
        best = host;
        ties = 1;
      } else if (difference === 0) {
        ties += 1;
        if (this.#random() * ties < 1) best = host;
      }
    }
    return best;
  }
}
