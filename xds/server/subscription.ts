import type { TypeView } from "./type-view.ts";

/** The last version of a name that is told to be gone. */
export const GONE = "";

/** A name that stands for all resources of a type. */
export const WILDCARD = "*";

/** A response as it was sent. */
export interface Sent {
  readonly nonce: string;
  readonly version: string;
  /** The resources in it; `*`: all of the type. */
  readonly names: readonly string[] | typeof WILDCARD;
  readonly removed: readonly string[];
  /** Wall clock, ms. */
  readonly atMs: number;
}

/** A response that the client refused, with its words. */
export interface Nack {
  readonly nonce: string;
  readonly version: string;
  readonly names: readonly string[] | typeof WILDCARD;
  readonly message: string;
  /** Wall clock, ms. */
  readonly atMs: number;
}

/**
 * What one stream knows of one type: what the client wants, what it was told, what it must still be told. No I/O and no
 * clock; sotw.ts and delta.ts decide on it.
 */
export interface Subscription {
  readonly typeUrl: string;
  /** The first request of this type has come. */
  started: boolean;
  wildcard: boolean;
  /** The client has named something: from then on, naming nothing means wanting nothing. */
  hasNamed: boolean;
  /** Asked for by name, without the wildcard. */
  readonly names: Set<string>;
  /** The version of each resource that was sent last, or {@link GONE}; absent: the client was told nothing of it. */
  readonly known: Map<string, string>;
  /** Names to look at before the next response. Not messages: however long a client sleeps, this does not grow. */
  readonly dirty: Set<string>;
  /** Versions that the client refused; they are not sent again by ourselves. */
  readonly rejected: Map<string, string>;
  /** A response is due even with nothing in it. */
  mustAnswer: boolean;
  /** The newest response. Its nonce is the only one that is not stale. */
  sent: Sent | undefined;
  /** The newest response is neither accepted nor refused yet. */
  awaiting: boolean;
  acked: { readonly nonce: string; readonly version: string } | undefined;
  nack: Nack | undefined;
}

/** What a request was. */
export type Verdict = "first" | "ack" | "nack" | "stale" | "change";

/** What a request did. */
export interface Outcome {
  readonly verdict: Verdict;
  readonly subscribed: readonly string[];
  readonly unsubscribed: readonly string[];
}

/** A response to be sent now. */
export interface Plan extends Sent {
  readonly typeUrl: string;
  /** The resources in it whose version is new to the client. */
  readonly updated: readonly string[];
}

export function newSubscription(typeUrl: string): Subscription {
  return {
    typeUrl,
    started: false,
    wildcard: false,
    hasNamed: false,
    names: new Set(),
    known: new Map(),
    dirty: new Set(),
    rejected: new Map(),
    mustAnswer: false,
    sent: undefined,
    awaiting: false,
    acked: undefined,
    nack: undefined,
  };
}

/**
 * What a request is, by its nonce alone (the same for both variants of the protocol).
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol "ACK/NACK and resource type instance version"
 */
export function judge(
  subscription: Pick<Subscription, "started" | "sent">,
  request: { readonly nonce: string; readonly error?: string },
): Verdict {
  // The nonce of a first request, if any, is of a stream that has ended.
  if (!subscription.started) return "first";
  if (request.nonce === "") return "change";
  if (request.nonce !== subscription.sent?.nonce) return "stale";
  return request.error === undefined ? "ack" : "nack";
}

/** Notes an answer to the newest response. */
export function noteAnswer(
  subscription: Subscription,
  verdict: Verdict,
  error: string | undefined,
  nowMs: number,
): void {
  const { sent } = subscription;
  if (sent === undefined || (verdict !== "ack" && verdict !== "nack")) return;
  subscription.awaiting = false;
  if (verdict === "ack") {
    subscription.acked = { nonce: sent.nonce, version: sent.version };
    return;
  }
  subscription.nack = {
    nonce: sent.nonce,
    version: sent.version,
    names: sent.names,
    message: error ?? "",
    atMs: nowMs,
  };
  for (const name of sent.names === WILDCARD ? subscription.known.keys() : sent.names) {
    const version = subscription.known.get(name);
    if (version !== undefined) subscription.rejected.set(name, version);
  }
}

/** Notes a response that goes out now. */
export function noteSent(subscription: Subscription, sent: Sent): void {
  subscription.sent = sent;
  subscription.awaiting = true;
  subscription.mustAnswer = false;
  if (sent.names === WILDCARD) subscription.rejected.clear();
  else for (const name of [...sent.names, ...sent.removed]) subscription.rejected.delete(name);
  if (subscription.rejected.size === 0) subscription.nack = undefined;
}

export function covers(subscription: Pick<Subscription, "wildcard" | "names">, name: string): boolean {
  return subscription.wildcard || subscription.names.has(name);
}

/** Whether the client waits for the first word on something that it asked for. */
export function isAsked({ mustAnswer, dirty, names, known }: Subscription): boolean {
  if (mustAnswer) return true;
  for (const name of dirty) if (names.has(name) && !known.has(name)) return true;
  return false;
}

/** Some resources have other versions now. */
export function noteChanged(subscription: Subscription, view: TypeView, changed: Iterable<string>): void {
  for (const name of changed) {
    if (!covers(subscription, name)) continue;
    // Came and went before the client heard of it, and nobody asked for it by name.
    if (!subscription.names.has(name) && !subscription.known.has(name) && view.get(name) === undefined)
      subscription.dirty.delete(name);
    else subscription.dirty.add(name);
  }
}

/** Notes the version of a name that the client is told now. Under a wildcard alone, a name that is gone is forgotten. */
export function noteTold(subscription: Subscription, name: string, version: string): void {
  if (version === GONE && !subscription.names.has(name)) subscription.known.delete(name);
  else subscription.known.set(name, version);
}

/** Starts to want a name; it is sent even if the client had it before (it may have dropped it). */
export function addName(subscription: Subscription, name: string): void {
  subscription.names.add(name);
  forget(subscription, name);
  subscription.dirty.add(name);
}

/** Stops wanting a name. Returns whether it was wanted by name. */
export function dropName(subscription: Subscription, name: string): boolean {
  if (!subscription.names.delete(name)) return false;
  if (!subscription.wildcard) {
    forget(subscription, name);
    subscription.dirty.delete(name);
  }
  return true;
}

export function addWildcard(subscription: Subscription, view: TypeView): void {
  subscription.wildcard = true;
  for (const name of view.all().keys()) subscription.dirty.add(name);
}

export function dropWildcard(subscription: Subscription): void {
  if (!subscription.wildcard) return;
  subscription.wildcard = false;
  for (const name of [...subscription.known.keys(), ...subscription.dirty])
    if (!subscription.names.has(name)) {
      forget(subscription, name);
      subscription.dirty.delete(name);
    }
}

/** Sends a resource again although its version is the same, unless the client refused this version. */
export function sendAgain(subscription: Subscription, name: string): void {
  const version = subscription.known.get(name);
  if (version === undefined || version === GONE || subscription.rejected.get(name) === version) return;
  subscription.known.delete(name);
  subscription.dirty.add(name);
}

function forget(subscription: Subscription, name: string): void {
  subscription.known.delete(name);
  if (subscription.rejected.delete(name) && subscription.rejected.size === 0) subscription.nack = undefined;
}
