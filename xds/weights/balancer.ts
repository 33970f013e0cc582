import type { Cluster, FleetSource } from "../fleet/fleet.ts";
import { type DemandReader, TYPE_URLS } from "../resources/resource.ts";
import type { SignalView } from "../signals/signal.ts";
import { ClusterWeights } from "./cluster-weights.ts";

/** How often at most weights are computed, in ms: the rate of the agents. */
const EVALUATE_MS = 100;
/** How often weights are looked at that only get old, in ms. */
const AGEING_MS = 500;
/** How long a cluster waits for its agents before it is told at all, in ms: two tries at a slow one. */
export const SETTLE_TIMEOUT_MS = 4000;

export interface BalancerOptions {
  readonly fleet: FleetSource;
  readonly signals: SignalView & {
    /** Calls back with the endpoint of each new sample. */
    subscribe(listener: (endpointKey: string) => void): () => void;
  };
  readonly demand: DemandReader;
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
 * Drives the weight law: computes anew what a signal, the fleet, or the number of proxies changed, no more often than
 * signals come, and tells what came out. A cluster is not told at all until its agents have spoken, so that a control
 * plane which restarts resumes where Envoy is.
 */
export class Balancer {
  readonly #options: BalancerOptions;
  readonly #nowMs: () => number;
  readonly #clusters = new Map<string, ClusterWeights>();
  /** The clusters of each endpoint. */
  readonly #byEndpoint = new Map<string, Set<ClusterWeights>>();
  readonly #due = new Set<ClusterWeights>();
  readonly #unsubscribe: readonly (() => void)[];
  readonly #ageing: NodeJS.Timeout;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: BalancerOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#unsubscribe = [
      options.fleet.subscribe(() => this.#follow()),
      options.signals.subscribe((key) => this.#hear(key)),
      options.demand.subscribe((typeUrl, name) => {
        const cluster = this.#clusters.get(name);
        if (typeUrl === TYPE_URLS.endpoints && cluster !== undefined) this.#schedule(cluster);
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

  #hear(endpointKey: string): void {
    for (const weights of this.#byEndpoint.get(endpointKey) ?? []) this.#schedule(weights);
  }

  #schedule(weights: ClusterWeights): void {
    this.#due.add(weights);
    this.#timer ??= setTimeout(() => this.#evaluateDue(), EVALUATE_MS);
  }

  #evaluateDue(): void {
    this.#timer = undefined;
    const due = [...this.#due];
    this.#due.clear();
    for (const weights of due) this.#evaluate(weights);
  }

  /** Weights that are equal cannot fade further; only unequal ones, and clusters that still wait, change by time alone. */
  #lookAtAgeing(): void {
    for (const weights of this.#clusters.values())
      if (!weights.isTold || weights.told?.equal === false) this.#evaluate(weights);
  }

  #evaluate(weights: ClusterWeights): void {
    const { cluster } = weights;
    const outcome = weights.evaluate(
      this.#options.signals,
      this.#options.demand.subscribers(TYPE_URLS.endpoints, cluster.name),
      this.#nowMs(),
    );
    if (outcome === "later") this.#schedule(weights);
    else if (outcome !== "same") this.#options.onWeights(cluster, outcome.weights, outcome.equal);
  }
}
