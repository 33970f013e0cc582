/**
 * The incremental variant of xDS: requests and responses tell only what changes.
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol "Incremental xDS"
 */
import {
  addName,
  addWildcard,
  dropName,
  dropWildcard,
  GONE,
  judge,
  noteAnswer,
  noteSent,
  noteTold,
  type Outcome,
  type Plan,
  type Subscription,
  WILDCARD,
} from "./subscription.ts";
import { isWholeSet, type TypeView } from "./type-view.ts";

/** Stands for an empty version that a client claims to have, so that it is not taken for {@link GONE}. */
const UNKNOWN_VERSION = "unknown";

export interface DeltaRequest {
  readonly kind: "delta";
  readonly typeUrl: string;
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** What a client that reconnects has already, by name. Counts in the first request only. */
  readonly initialVersions: ReadonlyMap<string, string>;
  /** Of the response that it answers; empty: it answers none. */
  readonly nonce: string;
  /** Why that response was refused. */
  readonly error?: string;
}

/** Takes a request in. A stale nonce answers nothing, but what the request asks for counts. */
export function takeDelta(subscription: Subscription, view: TypeView, request: DeltaRequest, nowMs: number): Outcome {
  const verdict = judge(subscription, request);
  noteAnswer(subscription, verdict, request.error, nowMs);

  const unsubscribe = request.unsubscribe.filter((name) => name !== WILDCARD);
  const unsubscribed = unsubscribe.filter((name) => dropOrTellAgain(subscription, name));
  if (unsubscribe.length < request.unsubscribe.length) dropWildcard(subscription);

  const subscribe = [...new Set(request.subscribe)].filter((name) => name !== WILDCARD);
  const subscribed = subscribe.filter((name) => !subscription.names.has(name));
  for (const name of subscribe) addName(subscription, name);

  if (request.subscribe.includes(WILDCARD)) {
    // Asking for all once more asks for all to be sent again.
    if (subscription.wildcard) subscription.known.clear();
    addWildcard(subscription, view);
  }
  if (verdict === "first") begin(subscription, view, request);
  return { verdict, subscribed, unsubscribed };
}

function begin(subscription: Subscription, view: TypeView, request: DeltaRequest): void {
  subscription.started = true;
  if (request.subscribe.length === 0 && isWholeSet(subscription.typeUrl)) addWildcard(subscription, view);
  for (const [name, version] of request.initialVersions) {
    if (!subscription.wildcard && !subscription.names.has(name)) continue;
    subscription.known.set(name, version === GONE ? UNKNOWN_VERSION : version);
    // It may be gone by now, and then nobody else would look at it.
    subscription.dirty.add(name);
  }
  // A client waits for the first response to a subscription that named nothing; what it names is answered name by name.
  subscription.mustAnswer = subscription.wildcard || subscription.names.size === 0;
}

/** Under a wildcard the client has dropped the resource and yet wants it: it is told once more. */
function dropOrTellAgain(subscription: Subscription, name: string): boolean {
  const dropped = dropName(subscription, name);
  if (dropped && subscription.wildcard) {
    subscription.known.delete(name);
    subscription.dirty.add(name);
  }
  return dropped;
}

/**
 * The next response, or undefined when the client knows all; notes it as sent.
 * A name that is pending is not told as removed.
 * @param holdRemovals keeps removals for a later response
 */
export function nextDelta(
  subscription: Subscription,
  view: TypeView,
  nonce: string,
  nowMs: number,
  holdRemovals = false,
): Plan | undefined {
  const names: string[] = [];
  const removed: string[] = [];
  for (const name of subscription.dirty) {
    const version = view.get(name)?.version ?? GONE;
    const isNews = version !== subscription.known.get(name);
    if (isNews && version === GONE && (view.pending(name) || (holdRemovals && subscription.known.has(name)))) continue;
    subscription.dirty.delete(name);
    if (!isNews) continue;
    if (version === GONE) removed.push(name);
    else names.push(name);
    noteTold(subscription, name, version);
  }
  if (names.length === 0 && removed.length === 0 && !subscription.mustAnswer) return undefined;
  names.sort();
  const plan: Plan = {
    typeUrl: subscription.typeUrl,
    nonce,
    version: view.version(),
    names,
    updated: names,
    removed: removed.sort(),
    atMs: nowMs,
  };
  noteSent(subscription, plan);
  return plan;
}

/** Whether a response with something new in it waits to be sent; removals of what the client has do not count. */
export function owesDelta(subscription: Subscription, view: TypeView): boolean {
  if (subscription.mustAnswer) return true;
  for (const name of subscription.dirty) {
    const version = view.get(name)?.version ?? GONE;
    const known = subscription.known.get(name);
    const waits = version === GONE && (known !== undefined || view.pending(name));
    if (version !== known && !waits) return true;
  }
  return false;
}
