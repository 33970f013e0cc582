import type { LawState } from "./law-input.ts";
import { exponential, type Random, seededRandom } from "./random.ts";
import type { Scenario } from "./scenario.ts";
import { SAMPLE_MS, SimulatedControlPlane } from "./simulated-control-plane.ts";
import { SimulatedEnvoy } from "./simulated-envoy.ts";
import { SimulatedWorker } from "./simulated-worker.ts";

export interface SimulationResult {
  readonly requests: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Weight changes sent to the proxies. */
  readonly pushes: number;
  /** Changes between equal and unequal weights. */
  readonly flips: number;
  /** Share of the time with exactly equal weights. */
  readonly equalShare: number;
  /** Requests sent to each worker in each whole second. */
  readonly perSecond: readonly Int32Array[];
  readonly final: LawState;
}

/**
 * Replays a fleet in virtual time, event by event: Poisson arrivals spread over proxies that each see their own requests
 * only, workers that serve one request at a time, agents that measure, a control plane that runs the real law. The same
 * scenario gives the same result.
 */
export function simulate(scenario: Scenario): SimulationResult {
  return new Simulation(scenario).run();
}

class Simulation {
  readonly #scenario: Scenario;
  readonly #random: Random;
  readonly #workers: readonly SimulatedWorker[];
  readonly #proxies: readonly SimulatedEnvoy[];
  readonly #control: SimulatedControlPlane;
  readonly #toggleMs: number[];
  readonly #latencies: number[] = [];
  readonly #perSecond: Int32Array[] = [];
  #nowMs = 0;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#random = seededRandom(scenario.seed);
    this.#workers = scenario.speeds.map((speed) => new SimulatedWorker(speed, scenario.outsideIsSeen ?? true));
    this.#proxies = Array.from(
      { length: scenario.proxies },
      () => new SimulatedEnvoy(scenario.speeds.length, scenario.unweighted, scenario.activeRequestBias, this.#random),
    );
    this.#control = new SimulatedControlPlane(scenario, this.#workers, this.#proxies);
    const { outside } = scenario;
    this.#toggleMs = this.#workers.map((worker) => {
      if (outside === undefined) return Number.POSITIVE_INFINITY;
      if (this.#random() < outside.share) worker.takeOutside(0, outside.takes);
      return this.#nextToggle(worker);
    });
  }

  run(): SimulationResult {
    const { durationMs, load, serviceMs, speeds, outside } = this.#scenario;
    const steps = [...(this.#scenario.steps ?? [])].sort((a, b) => a.atMs - b.atMs);
    const capacity =
      speeds.reduce((a, b) => a + b, 0) * (1 - (outside === undefined ? 0 : outside.share * outside.takes));
    const gapMs = serviceMs / (load * capacity);
    let arrivalMs = exponential(this.#random, gapMs);
    let tickMs = SAMPLE_MS;
    while (this.#nowMs < durationMs) {
      const ending = earliest(this.#workers, (worker) => worker.endsMs);
      const toggling = earliest(this.#toggleMs, (atMs) => atMs);
      const stepMs = steps[0]?.atMs ?? Number.POSITIVE_INFINITY;
      const endMs = (this.#workers[ending] as SimulatedWorker).endsMs;
      const toggleMs = this.#toggleMs[toggling] as number;
      this.#nowMs = Math.min(arrivalMs, endMs, toggleMs, stepMs, tickMs);
      if (this.#nowMs === endMs) this.#finish(ending);
      else if (this.#nowMs === arrivalMs) {
        this.#arrive();
        arrivalMs += exponential(this.#random, gapMs);
      } else if (this.#nowMs === tickMs) {
        this.#control.tick(tickMs);
        tickMs += this.#scenario.sampleMs ?? SAMPLE_MS;
      } else if (this.#nowMs === stepMs) {
        const step = steps.shift();
        if (step !== undefined) this.#workers[step.worker]?.takeOutside(stepMs, step.takes);
      } else this.#toggle(toggling);
    }
    return { ...summary(this.#latencies), ...this.#control.result(durationMs), perSecond: this.#perSecond };
  }

  #arrive(): void {
    const proxy = Math.floor(this.#random() * this.#proxies.length);
    const host = (this.#proxies[proxy] as SimulatedEnvoy).pick();
    const workMs = exponential(this.#random, this.#scenario.serviceMs);
    (this.#workers[host] as SimulatedWorker).enqueue(this.#nowMs, { arrivedMs: this.#nowMs, workMs, proxy });
    const second = Math.floor(this.#nowMs / 1000);
    while (this.#perSecond.length <= second) this.#perSecond.push(new Int32Array(this.#workers.length));
    const counts = this.#perSecond[second] as Int32Array;
    counts[host] = (counts[host] as number) + 1;
  }

  #finish(host: number): void {
    const request = (this.#workers[host] as SimulatedWorker).finish(this.#nowMs);
    this.#proxies[request.proxy]?.done(host);
    if (request.arrivedMs > this.#scenario.durationMs / 10) this.#latencies.push(this.#nowMs - request.arrivedMs);
  }

  #toggle(index: number): void {
    const worker = this.#workers[index] as SimulatedWorker;
    worker.takeOutside(this.#nowMs, worker.outside > 0 ? 0 : (this.#scenario.outside?.takes ?? 0));
    this.#toggleMs[index] = this.#nowMs + this.#nextToggle(worker);
  }

  #nextToggle(worker: SimulatedWorker): number {
    const { outside } = this.#scenario;
    if (outside === undefined) return Number.POSITIVE_INFINITY;
    const calmMs = (outside.meanMs * (1 - outside.share)) / outside.share;
    return exponential(this.#random, worker.outside > 0 ? outside.meanMs : calmMs);
  }
}

function earliest<T>(items: readonly T[], atMs: (item: T) => number): number {
  let best = 0;
  for (let index = 1; index < items.length; index += 1)
    if (atMs(items[index] as T) < atMs(items[best] as T)) best = index;
  return best;
}

function summary(latencies: readonly number[]) {
  const sorted = Float64Array.from(latencies).sort();
  const quantile = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return {
    requests: sorted.length,
    meanMs: sorted.reduce((a, b) => a + b, 0) / Math.max(1, sorted.length),
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
  };
}
