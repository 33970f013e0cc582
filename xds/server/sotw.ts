/**
 * The state-of-the-world variant of xDS: each request names all that the client wants.
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol "SotW"
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

export interface SotwRequest {
  readonly kind: "sotw";
  readonly typeUrl: string;
  readonly names: readonly string[];
  /** Of the response that it answers; empty: it answers none. */
  readonly nonce: string;
  /** Why that response was refused. */
  readonly error?: string;
}

/** Takes a request in. A stale one is ignored: the client will answer the newest response and name all it wants then. */
export function takeSotw(subscription: Subscription, view: TypeView, request: SotwRequest, nowMs: number): Outcome {
  const verdict = judge(subscription, request);
  if (verdict === "stale") return { verdict, subscribed: [], unsubscribed: [] };
  noteAnswer(subscription, verdict, request.error, nowMs);

  const wanted = new Set(request.names);
  const wildcard = wantsAll(subscription, verdict === "first", wanted);
  wanted.delete(WILDCARD);
  if (request.names.length > 0) subscription.hasNamed = true;

  const unsubscribed = [...subscription.names].filter((name) => !wanted.has(name) && dropName(subscription, name));
  const subscribed = [...wanted].filter((name) => !subscription.names.has(name));
  for (const name of subscribed) addName(subscription, name);
  if (wildcard && !subscription.wildcard) addWildcard(subscription, view);
  if (!wildcard) dropWildcard(subscription);

  if (verdict === "first") {
    subscription.started = true;
    subscription.mustAnswer = true;
  }
  return { verdict, subscribed, unsubscribed };
}

/** Naming nothing means everything until the client has named something. */
function wantsAll(subscription: Subscription, isFirst: boolean, wanted: ReadonlySet<string>): boolean {
  if (wanted.has(WILDCARD)) return true;
  if (wanted.size > 0 || subscription.hasNamed) return false;
  return isFirst ? isWholeSet(subscription.typeUrl) : subscription.wildcard;
}

/**
 * The next response, or undefined when the client knows all; notes it as sent.
 * What is pending is waited for: a whole set that lacks it is not sent, and of the other types only what there is.
 * @param holdRemovals waits with a response that would only take resources away (whole sets)
 */
export function nextSotw(
  subscription: Subscription,
  view: TypeView,
  nonce: string,
  nowMs: number,
  holdRemovals = false,
): Plan | undefined {
  const news = [...subscription.dirty].filter(
    (name) => (view.get(name)?.version ?? GONE) !== subscription.known.get(name),
  );
  const wholeSet = isWholeSet(subscription.typeUrl);
  const pending = news.filter((name) => view.pending(name));
  const present = news.filter((name) => view.get(name) !== undefined).sort();
  if (pending.length > 0 && (wholeSet || present.length === 0)) return undefined;
  if (holdRemovals && wholeSet && !subscription.mustAnswer && news.every((name) => takesAway(subscription, view, name)))
    return undefined;

  subscription.dirty.clear();
  for (const name of pending) subscription.dirty.add(name);
  for (const name of news)
    if (!subscription.dirty.has(name)) noteTold(subscription, name, view.get(name)?.version ?? GONE);
  // A whole set must be sent to take something away; in the other types absence cannot be said.
  const due = subscription.mustAnswer || (wholeSet ? news.length > 0 : present.length > 0);
  if (!due) return undefined;
  const plan: Plan = {
    typeUrl: subscription.typeUrl,
    nonce,
    version: view.version(),
    names: wholeSet ? everything(subscription, view) : present,
    updated: present,
    removed: [],
    atMs: nowMs,
  };
  noteSent(subscription, plan);
  return plan;
}

/** What a whole set's response must hold: `*` when that is all there is. */
function everything(subscription: Subscription, view: TypeView): Plan["names"] {
  if (subscription.wildcard) return WILDCARD;
  return [...subscription.names].filter((name) => view.get(name) !== undefined).sort();
}

function takesAway(subscription: Subscription, view: TypeView, name: string): boolean {
  return view.get(name) === undefined && subscription.known.has(name);
}

/** Whether a response with something new in it waits to be sent; removals of a whole set do not count. */
export function owesSotw(subscription: Subscription, view: TypeView): boolean {
  if (subscription.mustAnswer) return true;
  for (const name of subscription.dirty) {
    const version = view.get(name)?.version;
    if (version !== undefined && version !== subscription.known.get(name)) return true;
  }
  return false;
}
