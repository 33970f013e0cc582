import { type ResourceReader, TYPE_URLS, type TypeUrl } from "../resources/resource.ts";
import { type DeltaRequest, nextDelta, owesDelta, takeDelta } from "./delta.ts";
import type { Demand } from "./demand.ts";
import { edsName } from "./eds-name.ts";
import { faultOfNames } from "./name-limits.ts";
import { nextSotw, owesSotw, type SotwRequest, takeSotw } from "./sotw.ts";
import {
  isAsked,
  newSubscription,
  noteChanged,
  type Outcome,
  type Plan,
  type Subscription,
  sendAgain,
} from "./subscription.ts";
import { isServed, type TypeView, typeView } from "./type-view.ts";

export type XdsRequest = SotwRequest | DeltaRequest;

/** A request that ends the stream. */
export interface Refusal {
  readonly verdict: "refused";
  readonly message: string;
}

export interface SessionOptions {
  readonly protocol: XdsRequest["kind"];
  readonly reader: ResourceReader;
  readonly demand: Demand;
  /** The most names that one stream may ask for in one type. */
  readonly maxNames: number;
  /** Makes the nonces of this stream differ from those of all others. */
  readonly noncePrefix: string;
}

/** The order in which a client must hear of things, so that nothing refers to what it does not have. */
const ORDER: readonly TypeUrl[] = [TYPE_URLS.cluster, TYPE_URLS.endpoints, TYPE_URLS.listener, TYPE_URLS.route];

/** A client has no use for more types than this; without a limit, each made-up type would cost memory. */
const MAX_TYPES = 32;

/**
 * The protocol of one stream over all its types: what a request means, and what to send next in which order. No I/O, and
 * time comes in as a value. At most one response of each type is out without an answer; what changes meanwhile waits as names.
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol "Eventual consistency considerations"
 */
export class Session {
  readonly subscriptions = new Map<string, Subscription>();
  readonly #options: SessionOptions;
  readonly #views = new Map<string, TypeView>();
  #nonces = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Takes a request in and counts what it asks for. Call {@link next} afterwards. */
  take(request: XdsRequest, nowMs: number): Outcome | Refusal {
    const known = this.subscriptions.get(request.typeUrl);
    const refusal = this.#refuse(known, request);
    if (refusal !== undefined) return { verdict: "refused", message: refusal };
    const subscription = known ?? newSubscription(request.typeUrl);
    this.subscriptions.set(request.typeUrl, subscription);
    const view = this.#view(request.typeUrl);
    const outcome =
      request.kind === "sotw"
        ? takeSotw(subscription, view, request, nowMs)
        : takeDelta(subscription, view, request, nowMs);
    this.#count(request.typeUrl, outcome);
    return outcome;
  }

  /** The store has changed. Call {@link next} afterwards. */
  changed(changed: ReadonlyMap<TypeUrl, ReadonlySet<string>>): void {
    for (const [typeUrl, names] of changed) {
      const subscription = this.subscriptions.get(typeUrl);
      if (subscription !== undefined) noteChanged(subscription, this.#view(typeUrl), names);
    }
  }

  /**
   * All that is to be sent now, in order; it counts as sent.
   * @param busy types whose last response has not left this process yet: nothing of them is sent
   */
  next(nowMs: number, busy: ReadonlySet<string> = new Set()): Plan[] {
    const plans: Plan[] = [];
    const others = [...this.subscriptions.keys()].filter((typeUrl) => !isServed(typeUrl));
    for (const typeUrl of [...ORDER, ...others]) {
      const plan = busy.has(typeUrl) ? undefined : this.#plan(typeUrl, nowMs, busy);
      if (plan === undefined) continue;
      plans.push(plan);
      if (typeUrl === TYPE_URLS.cluster) this.#endpointsAgain(plan);
    }
    return plans;
  }

  /** Types whose last response is neither accepted nor refused. */
  awaited(): Subscription[] {
    return [...this.subscriptions.values()].filter((subscription) => subscription.awaiting);
  }

  /**
   * Waits no longer for the answers to what was sent before `beforeMs`. (Envoy answers a cluster response only when all
   * its clusters are warm: one that never is must not keep news from the others.)
   */
  giveUpWaiting(beforeMs: number): void {
    for (const subscription of this.awaited())
      if ((subscription.sent?.atMs ?? 0) <= beforeMs) subscription.awaiting = false;
  }

  /** The stream has ended: takes back what it asked for. */
  close(): void {
    for (const { typeUrl, names } of this.subscriptions.values())
      if (isServed(typeUrl)) for (const name of names) this.#options.demand.drop(typeUrl, name);
    this.subscriptions.clear();
  }

  #refuse(subscription: Subscription | undefined, request: XdsRequest): string | undefined {
    if (subscription === undefined && this.subscriptions.size >= MAX_TYPES)
      return `more than ${MAX_TYPES} types on one stream`;
    const { maxNames } = this.#options;
    const { typeUrl } = request;
    if (request.kind === "sotw") return faultOfNames(typeUrl, request.names.length, request.names, maxNames);
    const { subscribe, initialVersions } = request;
    const count = Math.max((subscription?.names.size ?? 0) + subscribe.length, initialVersions.size);
    return faultOfNames(typeUrl, count, [...subscribe, ...[...initialVersions].flat()], maxNames);
  }

  #count(typeUrl: string, outcome: Outcome): void {
    if (!isServed(typeUrl)) return;
    for (const name of outcome.unsubscribed) this.#options.demand.drop(typeUrl, name);
    for (const name of outcome.subscribed) this.#options.demand.add(typeUrl, name);
  }

  #plan(typeUrl: string, nowMs: number, busy: ReadonlySet<string>): Plan | undefined {
    const subscription = this.subscriptions.get(typeUrl);
    if (subscription === undefined || subscription.awaiting || !subscription.started) return undefined;
    if (!subscription.mustAnswer && subscription.dirty.size === 0) return undefined;
    if (this.#mustFollowClusters(subscription)) return undefined;
    const hold = typeUrl === TYPE_URLS.cluster && this.#routesPend(busy);
    const nonce = `${this.#options.noncePrefix}.${this.#nonces + 1}`;
    const next = this.#options.protocol === "sotw" ? nextSotw : nextDelta;
    const plan = next(subscription, this.#view(typeUrl), nonce, nowMs, hold);
    if (plan !== undefined) this.#nonces += 1;
    return plan;
  }

  /** Listeners and routes follow the clusters that they may refer to; what a client asks for anew is answered at once. */
  #mustFollowClusters(subscription: Subscription): boolean {
    const { typeUrl } = subscription;
    if ((typeUrl !== TYPE_URLS.listener && typeUrl !== TYPE_URLS.route) || isAsked(subscription)) return false;
    const clusters = this.subscriptions.get(TYPE_URLS.cluster);
    return clusters !== undefined && (clusters.awaiting || this.#owes(clusters));
  }

  /** Clusters go only when no listener or route that the client has may still refer to them. */
  #routesPend(busy: ReadonlySet<string>): boolean {
    return [TYPE_URLS.listener, TYPE_URLS.route].some((typeUrl) => {
      const subscription = this.subscriptions.get(typeUrl);
      return subscription !== undefined && (busy.has(typeUrl) || subscription.awaiting || this.#owes(subscription));
    });
  }

  /** A cluster that changes warms anew, and Envoy waits for its endpoints although it has them. */
  #endpointsAgain(clusters: Plan): void {
    const endpoints = this.subscriptions.get(TYPE_URLS.endpoints);
    if (endpoints === undefined) return;
    for (const name of clusters.updated) {
      const cluster = this.#options.reader.get(TYPE_URLS.cluster, name);
      if (cluster !== undefined) sendAgain(endpoints, edsName(cluster));
    }
  }

  #owes(subscription: Subscription): boolean {
    const owes = this.#options.protocol === "sotw" ? owesSotw : owesDelta;
    return owes(subscription, this.#view(subscription.typeUrl));
  }

  #view(typeUrl: string): TypeView {
    const known = this.#views.get(typeUrl);
    if (known !== undefined) return known;
    const view = typeView(this.#options.reader, typeUrl);
    this.#views.set(typeUrl, view);
    return view;
  }
}
