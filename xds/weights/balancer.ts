import type { Cluster, FleetSource } from "../fleet/fleet.ts";
import { type DemandReader, TYPE_URLS } from "../resources/resource.ts";
import type { Coverage } from "../signals/load-reports.ts";
import type { SignalListener, SignalView } from "../signals/signal.ts";
import { ClusterWeights } from "./cluster-weights.ts";

/** How long samples are gathered before weights are computed, in ms: the interval of the agents. */
const GATHER_MS = 100;
/** A change of the CPU between two samples that is looked at at once: an idle worker's figures differ by less. */
const STEP = 0.1;
/** Least time between two looks because of steps, in ms: a fleet whose requests come and go steps with nearly every sample. */
const STEP_GAP_MS = 20;
/** So long after a step each load report is looked at at once, too, in ms: it may say that the step was none of our requests. */
const STEP_OPEN_MS = 300;
/** How often weights are looked at that only get old, in ms. */
const AGEING_MS = 500;
/** How long a cluster waits for its agents before it is told at all, in ms: two tries at a slow one. */
export const SETTLE_TIMEOUT_MS = 4000;

export interface BalancerOptions {
  readonly fleet: FleetSource;
  readonly signals: SignalView & {
    subscribe(listener: SignalListener): () => void;
  };
  readonly demand: DemandReader;
  readonly loadReports: {
    coverage(cluster: string): Coverage;
    /** Calls back with the cluster of each report. */
    subscribe(listener: (cluster: string) => void): () => void;
  };
  /**
   * Called when a cluster's weights or the cluster itself changed, with a new map each time.
   * @param weights integers of at least 1 by endpoint key, one for each endpoint of the cluster
   */
  readonly onWeights: (cluster: Cluster, weights: ReadonlyMap<string, number>, equal: boolean) => void;
  /** The monotonic clock of the signals, in ms. */
  readonly nowMs?: () => number;
  readonly settleTimeoutMs?: number;
}

/**
 * Drives the weight law: computes anew what a signal, the fleet, or the number of proxies changed, at once after a step of
 * the CPU, else no more often than signals come, and tells what came out. A cluster is not told at all until its agents have spoken, so that a control
 * plane which restarts resumes where Envoy is.
 */
export class Balancer {
  readonly #options: BalancerOptions;
  readonly #nowMs: () => number;
  readonly #clusters = new Map<string, ClusterWeights>();
  /** The clusters of each endpoint. */
  readonly #byEndpoint = new Map<string, Set<ClusterWeights>>();
  /** When each cluster that waits is to be looked at, in ms. */
  readonly #due = new Map<ClusterWeights, number>();
  readonly #unsubscribe: readonly (() => void)[];
  readonly #ageing: NodeJS.Timeout;
  #timer: NodeJS.Timeout | undefined;
  #timerMs = Number.POSITIVE_INFINITY;

  constructor(options: BalancerOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#unsubscribe = [
      options.fleet.subscribe(() => this.#follow()),
      options.signals.subscribe((key, cpuChange) => this.#hear(key, cpuChange)),
      options.loadReports.subscribe((name) => this.#hearReport(name)),
      options.demand.subscribe((typeUrl, name) => {
        const cluster = this.#clusters.get(name);
        if (typeUrl === TYPE_URLS.endpoints && cluster !== undefined)
          this.#schedule(cluster, this.#nowMs() + GATHER_MS);
      }),
    ];
    this.#ageing = setInterval(() => this.#lookAtAgeing(), AGEING_MS);
    this.#follow();
  }

  /** Clusters that wait for their agents and are not told yet. */
  settling(): readonly string[] {
    return [...this.#clusters.values()].filter(({ isTold }) => !isTold).map(({ cluster }) => cluster.name);
  }

  /** The weights last told of a cluster; undefined before the first. */
  weights(cluster: string): { readonly weights: ReadonlyMap<string, number>; readonly equal: boolean } | undefined {
    return this.#clusters.get(cluster)?.told;
  }

  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    clearInterval(this.#ageing);
    clearTimeout(this.#timer);
    this.#due.clear();
  }

  #follow(): void {
    const fleet = this.#options.fleet.current();
    if (fleet === undefined) return;
    for (const [name, known] of this.#clusters) {
      if (fleet.clusters.has(name)) continue;
      this.#unlink(known);
      this.#clusters.delete(name);
      this.#due.delete(known);
    }
    const nowMs = this.#nowMs();
    for (const [name, cluster] of fleet.clusters) {
      const known = this.#clusters.get(name);
      if (known?.cluster === cluster) continue;
      const weights = known ?? new ClusterWeights(cluster, nowMs, this.#options.settleTimeoutMs ?? SETTLE_TIMEOUT_MS);
      this.#unlink(weights);
      weights.follow(cluster, nowMs);
      this.#clusters.set(name, weights);
      this.#link(weights);
      // Who is there does not wait: a proxy must not send to a pod that has gone.
      this.#evaluate(weights);
    }
  }

  #link(weights: ClusterWeights): void {
    for (const { key } of weights.cluster.endpoints) {
      const clusters = this.#byEndpoint.get(key) ?? new Set();
      this.#byEndpoint.set(key, clusters.add(weights));
    }
  }

  #unlink(weights: ClusterWeights): void {
    for (const { key } of weights.cluster.endpoints) {
      const clusters = this.#byEndpoint.get(key);
      clusters?.delete(weights);
      if (clusters?.size === 0) this.#byEndpoint.delete(key);
    }
  }

  #hear(endpointKey: string, cpuChange: number): void {
    const nowMs = this.#nowMs();
    for (const weights of this.#byEndpoint.get(endpointKey) ?? []) {
      if (cpuChange < STEP) this.#schedule(weights, nowMs + GATHER_MS);
      else {
        weights.noteStep(nowMs);
        this.#scheduleSoon(weights, nowMs);
      }
    }
  }

  #hearReport(name: string): void {
    const weights = this.#clusters.get(name);
    const nowMs = this.#nowMs();
    if (weights !== undefined && nowMs - weights.steppedMs < STEP_OPEN_MS) this.#scheduleSoon(weights, nowMs);
  }

  #scheduleSoon(weights: ClusterWeights, nowMs: number): void {
    this.#schedule(weights, Math.max(nowMs, weights.evaluatedMs + STEP_GAP_MS));
  }

  /** Looks at the cluster at this time, unless it is to be looked at earlier. */
  #schedule(weights: ClusterWeights, dueMs: number): void {
    if ((this.#due.get(weights) ?? Number.POSITIVE_INFINITY) <= dueMs) return;
    this.#due.set(weights, dueMs);
    if (dueMs < this.#timerMs) this.#arm(dueMs);
  }

  #arm(dueMs: number): void {
    clearTimeout(this.#timer);
    this.#timerMs = dueMs;
    if (dueMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.#evaluateDue(), Math.max(0, dueMs - this.#nowMs()));
  }

  #evaluateDue(): void {
    const nowMs = this.#nowMs();
    this.#timerMs = Number.POSITIVE_INFINITY;
    const due = [...this.#due].filter(([, dueMs]) => dueMs <= nowMs);
    for (const [weights] of due) this.#due.delete(weights);
    for (const [weights] of due) this.#evaluate(weights);
    this.#arm(Math.min(...this.#due.values()));
  }

  /** Weights that are equal cannot fade further; only unequal ones, and clusters that still wait, change by time alone. */
  #lookAtAgeing(): void {
    for (const weights of this.#clusters.values())
      if (!weights.isTold || weights.told?.equal === false) this.#evaluate(weights);
  }

  #evaluate(weights: ClusterWeights): void {
    const { cluster } = weights;
    const proxies = this.#options.demand.subscribers(TYPE_URLS.endpoints, cluster.name);
    const coverage = this.#options.loadReports.coverage(cluster.name);
    const outcome = weights.evaluate(this.#options.signals, { proxies, coverage }, this.#nowMs());
    if (outcome.kind === "later") this.#schedule(weights, outcome.atMs);
    else if (outcome.kind === "tell") this.#options.onWeights(cluster, outcome.weights.weights, outcome.weights.equal);
  }
}
