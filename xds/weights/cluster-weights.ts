import type { Cluster } from "../fleet/fleet.ts";
import type { Coverage } from "../signals/load-reports.ts";
import type { SignalView } from "../signals/signal.ts";
import { computeWeights } from "./law.ts";
import type { LawState } from "./law-input.ts";
import { TUNING } from "./tuning.ts";

/**
 * Least time between two changes of a cluster's weights, in ms. Each one makes every proxy's threads build their schedule
 * anew, and repeat its first picks. Measured (docs/weights.md): 100 ms gains nothing over it, 500 ms loses a little.
 */
export const PUSH_INTERVAL_MS = 200;

/**
 * How long agents are listened to before a cluster is told, in ms: the first figure of each is one short look; five of them,
 * smoothed, are near what the control plane knew before it restarted.
 */
const LISTEN_MS = 500;

/** What came out of looking at a cluster: weights to tell, nothing to tell, or nothing to tell before a given time. */
export type Outcome =
  | { readonly kind: "tell"; readonly weights: LawState }
  | { readonly kind: "same" }
  | { readonly kind: "later"; readonly atMs: number };

/** The proxies that share a cluster out. */
export interface Audience {
  /** How many subscribe to the cluster. */
  readonly proxies: number;
  /** What of their requests is known. */
  readonly coverage: Coverage;
}

/** The weights of one cluster over time: when it may be told, and what it was told last. Time is a value. */
export class ClusterWeights {
  #cluster: Cluster;
  #told: LawState | undefined;
  #toldMs = Number.NEGATIVE_INFINITY;
  #evaluatedMs = Number.NEGATIVE_INFINITY;
  #steppedMs = Number.NEGATIVE_INFINITY;
  #membersChanged = true;
  /** When each endpoint that came later was first seen, in ms. */
  readonly #since = new Map<string, number>();
  readonly #settleUntilMs: number;
  /** Since when all agents have been telling, in ms. */
  #heardSinceMs: number | undefined;

  constructor(cluster: Cluster, nowMs: number, settleTimeoutMs: number) {
    this.#cluster = cluster;
    this.#settleUntilMs = nowMs + settleTimeoutMs;
  }

  get cluster(): Cluster {
    return this.#cluster;
  }

  get isTold(): boolean {
    return this.#told !== undefined;
  }

  get told(): LawState | undefined {
    return this.#told;
  }

  /** When it was last evaluated, in ms. */
  get evaluatedMs(): number {
    return this.#evaluatedMs;
  }

  /** When the CPU of one of its endpoints last stepped, in ms. */
  get steppedMs(): number {
    return this.#steppedMs;
  }

  noteStep(nowMs: number): void {
    this.#steppedMs = nowMs;
  }

  /** Takes over the cluster as the fleet has it now. */
  follow(cluster: Cluster, nowMs: number): void {
    const before = new Set(this.#cluster.endpoints.map(({ key }) => key));
    const now = new Set(cluster.endpoints.map(({ key }) => key));
    for (const key of this.#since.keys()) if (!now.has(key)) this.#since.delete(key);
    // While a cluster settles nobody knows who was there before us: all of them count as old.
    if (this.isTold) for (const key of now) if (!before.has(key)) this.#since.set(key, nowMs);
    this.#cluster = cluster;
    this.#membersChanged = true;
  }

  evaluate(signals: SignalView, audience: Audience, nowMs: number): Outcome {
    this.#evaluatedMs = nowMs;
    if (!this.isTold && !this.#isSettled(signals, nowMs)) return { kind: "same" };
    const fromMs = this.#toldMs + PUSH_INTERVAL_MS;
    if (!this.#membersChanged && nowMs < fromMs) return { kind: "later", atMs: fromMs };
    const endpoints = this.#cluster.endpoints.map(({ key, state }) => {
      const since = this.#since.get(key);
      const knownForMs = since === undefined ? undefined : nowMs - since;
      return { key, state, signal: signals.get(key), knownForMs };
    });
    const result = computeWeights({ endpoints, previous: this.#told, ...audience, nowMs });
    if (!result.changed && !this.#membersChanged) return { kind: "same" };
    this.#told = { weights: new Map(result.weights), equal: result.equal };
    this.#toldMs = nowMs;
    this.#membersChanged = false;
    return { kind: "tell", weights: this.#told };
  }

  /** Every ready endpoint that has an agent has been listened to, or waiting for it has taken too long. */
  #isSettled(signals: SignalView, nowMs: number): boolean {
    const awaited = this.#cluster.endpoints.filter(({ state, agent }) => state === "ready" && agent !== undefined);
    if (awaited.length === 0 || nowMs >= this.#settleUntilMs) return true;
    const areHeard = awaited.every(({ key }) => {
      const cpu = signals.get(key)?.cpu;
      return cpu !== undefined && nowMs - cpu.atMs <= TUNING.freshMs;
    });
    this.#heardSinceMs = areHeard ? (this.#heardSinceMs ?? nowMs) : undefined;
    return this.#heardSinceMs !== undefined && nowMs - this.#heardSinceMs >= LISTEN_MS;
  }
}
