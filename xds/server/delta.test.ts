import { describe, expect, test } from "vitest";
import type { TypeUrl } from "../resources/resource.ts";
import { ResourceStore } from "../resources/store.ts";
import { nextDelta, takeDelta } from "./delta.ts";
import { newSubscription, noteChanged, sendAgain } from "./subscription.ts";
import { CDS, drop, EDS, put, resource } from "./test-support.ts";
import { typeView } from "./type-view.ts";

interface Ask {
  subscribe?: string[];
  unsubscribe?: string[];
  initial?: Record<string, string>;
  nonce?: string;
  error?: string;
}

/** One stream's subscription to one type, driven by hand. */
function client(typeUrl: TypeUrl | "unserved", ...entries: Parameters<typeof put>[1][]) {
  const store = new ResourceStore();
  put(store, ...entries);
  const subscription = newSubscription(typeUrl);
  const view = typeView(store, typeUrl);
  let nonces = 0;
  store.subscribe((changed) => {
    for (const [type, names] of changed) if (type === typeUrl) noteChanged(subscription, view, names);
  });
  const ask = ({ subscribe = [], unsubscribe = [], initial = {}, nonce = "", error }: Ask) =>
    takeDelta(
      subscription,
      view,
      {
        kind: "delta",
        typeUrl,
        subscribe,
        unsubscribe,
        initialVersions: new Map(Object.entries(initial)),
        nonce,
        ...(error === undefined ? {} : { error }),
      },
      1,
    );
  /** `[names, removed]` of the next response; undefined: none is due. */
  const next = (holdRemovals = false) => {
    const plan = nextDelta(subscription, view, `n${nonces + 1}`, 1, holdRemovals);
    if (plan === undefined) return undefined;
    nonces += 1;
    return [plan.names, plan.removed];
  };
  const ack = (more: Ask = {}) => ask({ ...more, nonce: `n${nonces}` });
  const nack = () => ask({ nonce: `n${nonces}`, error: "no good" });
  return { subscription, store, ask, ack, nack, next };
}

describe("what is subscribed to", () => {
  test.each<[string, TypeUrl, Ask[], { wildcard: boolean; names: string[] }]>([
    ["naming nothing at first means all clusters", CDS, [{}], { wildcard: true, names: [] }],
    ["but no endpoints", EDS, [{}], { wildcard: false, names: [] }],
    ["* is explicit, for any type", EDS, [{ subscribe: ["*"] }], { wildcard: true, names: [] }],
    ["names at first are no wildcard", CDS, [{ subscribe: ["a"] }], { wildcard: false, names: ["a"] }],
    ["nor is an empty request after them", CDS, [{ subscribe: ["a"] }, {}], { wildcard: false, names: ["a"] }],
    ["a name keeps the wildcard", CDS, [{}, { subscribe: ["a"] }], { wildcard: true, names: ["a"] }],
    ["only * ends it", CDS, [{}, { subscribe: ["a"] }, { unsubscribe: ["*"] }], { wildcard: false, names: ["a"] }],
    [
      "a name can be given up",
      EDS,
      [{ subscribe: ["a", "b"] }, { unsubscribe: ["a"] }],
      { wildcard: false, names: ["b"] },
    ],
    [
      "asking wins over giving up in one request",
      EDS,
      [{ subscribe: ["a"] }, { subscribe: ["a"], unsubscribe: ["a"] }],
      { wildcard: false, names: ["a"] },
    ],
  ])("%s", (_what, typeUrl, requests, expected) => {
    const { subscription, ask } = client(typeUrl);
    for (const request of requests) ask(request);
    expect({ wildcard: subscription.wildcard, names: [...subscription.names] }).toEqual(expected);
  });
});

describe("the first response", () => {
  test("names what exists and takes away what does not", () => {
    const one = client(EDS, [EDS, "a"], [EDS, "other"]);
    one.ask({ subscribe: ["a", "none"] });
    expect(one.next()).toEqual([["a"], ["none"]]);
    one.ack();
    expect(one.next()).toBeUndefined();
    put(one.store, [EDS, "none"]);
    expect(one.next()).toEqual([["none"], []]);
  });

  test("comes to a wildcard even with nothing in it", () => {
    const one = client(CDS);
    one.ask({});
    expect(one.next()).toEqual([[], []]);
    expect(one.next()).toBeUndefined();
  });

  test("a type that is not served has nothing", () => {
    const one = client("unserved");
    one.ask({ subscribe: ["x"] });
    expect(one.next()).toEqual([[], ["x"]]);
    const other = client("unserved");
    other.ask({});
    expect(other.next()).toEqual([[], []]);
  });

  test("on a new stream: only what differs from what the client has", () => {
    const same = resource(EDS, "same").version;
    const one = client(EDS, [EDS, "same"], [EDS, "newer"], [EDS, "unknown"]);
    one.ask({
      subscribe: ["same", "newer", "unknown", "gone"],
      initial: { same, newer: "an older one", gone: "1", "not asked for": "1" },
    });
    expect(one.next()).toEqual([["newer", "unknown"], ["gone"]]);
  });

  test("on a new stream where nothing changed: silence for names, an empty answer for all", () => {
    const named = client(EDS, [EDS, "a"]);
    named.ask({ subscribe: ["a"], initial: { a: resource(EDS, "a").version } });
    expect(named.next()).toBeUndefined();
    const all = client(CDS, [CDS, "a"]);
    all.ask({ initial: { a: resource(CDS, "a").version } });
    expect(all.next()).toEqual([[], []]);
  });

  test("on a new stream under a wildcard: what is gone is taken away", () => {
    const one = client(CDS, [CDS, "a"]);
    one.ask({ initial: { a: "older", gone: "1", "gone without a version": "" } });
    expect(one.next()).toEqual([["a"], ["gone", "gone without a version"]]);
  });

  test("versions that come later than the first request do not count", () => {
    const one = client(EDS, [EDS, "a"]);
    one.ask({});
    one.next();
    one.ack({ subscribe: ["a"], initial: { a: resource(EDS, "a").version } });
    expect(one.next()).toEqual([["a"], []]);
  });
});

describe("changes", () => {
  test("only what changed, only what is asked for; removals by name", () => {
    const one = client(EDS, [EDS, "a"], [EDS, "b"], [EDS, "c"]);
    one.ask({ subscribe: ["a", "b"] });
    one.next();
    one.ack();
    put(one.store, [EDS, "a", "2"], [EDS, "c", "2"]);
    drop(one.store, [EDS, "b"]);
    expect(one.next()).toEqual([["a"], ["b"]]);
    one.ack();
    expect(one.next()).toBeUndefined();
  });

  test("what a client gives up is not told any more; what it asks for again is sent again", () => {
    const one = client(EDS, [EDS, "a"]);
    one.ask({ subscribe: ["a"] });
    one.next();
    one.ack();
    one.ask({ subscribe: ["a"] });
    expect(one.next()).toEqual([["a"], []]);
    one.ack({ unsubscribe: ["a"] });
    put(one.store, [EDS, "a", "2"]);
    expect(one.next()).toBeUndefined();
    one.ask({ subscribe: ["a"] });
    expect(one.next()).toEqual([["a"], []]);
  });

  test("asking again for what does not exist is answered again", () => {
    const one = client(EDS);
    one.ask({ subscribe: ["none"] });
    one.next();
    one.ack({ subscribe: ["none"] });
    expect(one.next()).toEqual([[], ["none"]]);
  });

  test("a name given up under a wildcard is told once more, since it is still covered", () => {
    const one = client(CDS, [CDS, "a"]);
    one.ask({ subscribe: ["*", "a", "none"] });
    one.next();
    one.ack({ unsubscribe: ["a", "none"] });
    expect(one.next()).toEqual([["a"], ["none"]]);
  });

  test("asking for all again sends all again", () => {
    const one = client(CDS, [CDS, "a"], [CDS, "b"]);
    one.ask({});
    one.next();
    one.ack({ subscribe: ["*"] });
    expect(one.next()).toEqual([["a", "b"], []]);
  });

  test("a change between a response and its answer is not lost", () => {
    const one = client(EDS, [EDS, "a"]);
    one.ask({ subscribe: ["a"] });
    one.next();
    put(one.store, [EDS, "a", "2"]);
    one.ack();
    expect(one.next()).toEqual([["a"], []]);
  });

  test("removals can be held back; what was never told needs none", () => {
    const one = client(CDS, [CDS, "a"]);
    one.ask({});
    one.next();
    one.ack();
    put(one.store, [CDS, "short-lived"]);
    drop(one.store, [CDS, "short-lived"]);
    expect(one.next()).toBeUndefined();
    put(one.store, [CDS, "b"]);
    drop(one.store, [CDS, "a"]);
    expect(one.next(true)).toEqual([["b"], []]);
    one.ack();
    expect(one.next(true)).toBeUndefined();
    expect(one.next(false)).toEqual([[], ["a"]]);
  });
});

describe("answers", () => {
  test("a refused version is not sent again until it changes", () => {
    const one = client(EDS, [EDS, "a"]);
    one.ask({ subscribe: ["a"] });
    one.next();
    expect(one.nack().verdict).toBe("nack");
    expect(one.next()).toBeUndefined();
    sendAgain(one.subscription, "a");
    expect(one.next()).toBeUndefined();
    expect(one.subscription.nack).toMatchObject({ nonce: "n1", names: ["a"], message: "no good" });
    put(one.store, [EDS, "a", "2"]);
    expect(one.next()).toEqual([["a"], []]);
    expect(one.subscription.nack).toBeUndefined();
  });

  test("a stale nonce answers nothing, but what is asked for counts", () => {
    const one = client(EDS, [EDS, "a"], [EDS, "b"]);
    one.ask({ subscribe: ["a"] });
    one.next();
    one.ack();
    put(one.store, [EDS, "a", "2"]);
    one.next();
    expect(one.ask({ subscribe: ["b"], nonce: "n1" }).verdict).toBe("stale");
    expect(one.subscription.awaiting).toBe(true);
    one.ack();
    expect(one.next()).toEqual([["b"], []]);
  });

  test("a spontaneous request is no answer", () => {
    const one = client(EDS, [EDS, "a"]);
    one.ask({ subscribe: ["a"] });
    one.next();
    expect(one.ask({ unsubscribe: ["a"] }).verdict).toBe("change");
    expect(one.subscription.awaiting).toBe(true);
  });
});
