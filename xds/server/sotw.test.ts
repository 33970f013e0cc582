import { describe, expect, test } from "vitest";
import type { TypeUrl } from "../resources/resource.ts";
import { ResourceStore } from "../resources/store.ts";
import { nextSotw, takeSotw } from "./sotw.ts";
import { newSubscription, noteChanged, sendAgain } from "./subscription.ts";
import { CDS, drop, EDS, LDS, put, RDS } from "./test-support.ts";
import { typeView } from "./type-view.ts";

/** One stream's subscription to one type, driven by hand. */
function client(typeUrl: TypeUrl | "unserved", store = new ResourceStore()) {
  const subscription = newSubscription(typeUrl);
  const view = typeView(store, typeUrl);
  let nonces = 0;
  store.subscribe((changed) => {
    for (const [type, names] of changed) if (type === typeUrl) noteChanged(subscription, view, names);
  });
  const ask = (names: string[], answer: { nonce?: string; error?: string } = {}) =>
    takeSotw(subscription, view, { kind: "sotw", typeUrl, names, nonce: "", ...answer }, 1);
  /** The names of the next response; undefined: none is due. */
  const next = (holdRemovals = false) => {
    const plan = nextSotw(subscription, view, `n${nonces + 1}`, 1, holdRemovals);
    if (plan !== undefined) nonces += 1;
    return plan?.names;
  };
  const ack = (names: string[]) => ask(names, { nonce: `n${nonces}` });
  const nack = (names: string[]) => ask(names, { nonce: `n${nonces}`, error: "no good" });
  return { subscription, store, ask, ack, nack, next };
}

function filled(...entries: Parameters<typeof put>[1][]): ResourceStore {
  const store = new ResourceStore();
  put(store, ...entries);
  return store;
}

describe("what is subscribed to", () => {
  test.each<[string, TypeUrl | "unserved", string[][], { wildcard: boolean; names: string[] }]>([
    ["naming nothing at first means all clusters", CDS, [[]], { wildcard: true, names: [] }],
    ["and all listeners", LDS, [[]], { wildcard: true, names: [] }],
    ["but no endpoints", EDS, [[]], { wildcard: false, names: [] }],
    ["but no routes", RDS, [[]], { wildcard: false, names: [] }],
    ["* is explicit, for any type", EDS, [["*"]], { wildcard: true, names: [] }],
    ["* goes with names", CDS, [["*", "a"]], { wildcard: true, names: ["a"] }],
    ["naming nothing again keeps all", CDS, [[], []], { wildcard: true, names: [] }],
    ["a name ends the implicit wildcard", CDS, [[], ["a"]], { wildcard: false, names: ["a"] }],
    ["naming nothing after a name means nothing", CDS, [["a"], []], { wildcard: false, names: [] }],
    ["even after an implicit wildcard", CDS, [[], ["a"], []], { wildcard: false, names: [] }],
    ["and after an explicit one", CDS, [["*"], []], { wildcard: false, names: [] }],
    [
      "names replace names",
      EDS,
      [
        ["a", "b"],
        ["b", "c"],
      ],
      { wildcard: false, names: ["b", "c"] },
    ],
    ["a name twice is one", EDS, [["a", "a"]], { wildcard: false, names: ["a"] }],
  ])("%s", (_what, typeUrl, requests, expected) => {
    const { subscription, ask } = client(typeUrl);
    for (const names of requests) ask(names);
    expect({ wildcard: subscription.wildcard, names: [...subscription.names] }).toEqual(expected);
  });

  test("says what is newly asked for and what no more", () => {
    const { ask } = client(EDS);
    expect(ask(["a", "b"])).toMatchObject({ verdict: "first", subscribed: ["a", "b"], unsubscribed: [] });
    expect(ask(["b", "c"])).toMatchObject({ verdict: "change", subscribed: ["c"], unsubscribed: ["a"] });
  });
});

describe("the first response", () => {
  test("answers all that exists", () => {
    expect(filledClient(CDS, [[CDS, "a"]], []).next()).toBe("*");
    expect(
      filledClient(
        EDS,
        [
          [EDS, "a"],
          [EDS, "b"],
        ],
        ["a", "none"],
      ).next(),
    ).toEqual(["a"]);
  });

  test("comes even with nothing in it, also for a type that is not served", () => {
    expect(filledClient(CDS, [], []).next()).toBe("*");
    expect(filledClient(EDS, [], ["none"]).next()).toEqual([]);
    const foreign = client("unserved");
    foreign.ask(["x"]);
    expect(foreign.next()).toEqual([]);
    foreign.ack(["x"]);
    expect(foreign.next()).toBeUndefined();
  });

  test("takes the nonce of a request on a new stream for an old stream's", () => {
    const one = client(EDS, filled([EDS, "a"]));
    expect(one.ask(["a"], { nonce: "of a stream that has ended" }).verdict).toBe("first");
    expect(one.next()).toEqual(["a"]);
  });

  function filledClient(typeUrl: TypeUrl, entries: Parameters<typeof put>[1][], names: string[]) {
    const one = client(typeUrl, filled(...entries));
    one.ask(names);
    return one;
  }
});

describe("changes", () => {
  test("endpoints: only what changed, only what is asked for", () => {
    const one = client(EDS, filled([EDS, "a"], [EDS, "b"], [EDS, "c"]));
    one.ask(["a", "b"]);
    one.next();
    one.ack(["a", "b"]);
    expect(one.next()).toBeUndefined();
    put(one.store, [EDS, "b", "2"], [EDS, "c", "2"]);
    expect(one.next()).toEqual(["b"]);
  });

  test("clusters: the whole set, for a removal too", () => {
    const one = client(CDS, filled([CDS, "a"], [CDS, "b"]));
    one.ask(["a", "b", "c"]);
    expect(one.next()).toEqual(["a", "b"]);
    one.ack(["a", "b", "c"]);
    put(one.store, [CDS, "c"]);
    expect(one.next()).toEqual(["a", "b", "c"]);
    one.ack(["a", "b", "c"]);
    drop(one.store, [CDS, "a"]);
    expect(one.next()).toEqual(["b", "c"]);
    one.ack(["a", "b", "c"]);
    expect(one.next()).toBeUndefined();
  });

  test("endpoints: a removal cannot be said and is not; what comes back is sent", () => {
    const one = client(EDS, filled([EDS, "a"]));
    one.ask(["a"]);
    one.next();
    one.ack(["a"]);
    drop(one.store, [EDS, "a"]);
    expect(one.next()).toBeUndefined();
    put(one.store, [EDS, "a"]);
    expect(one.next()).toEqual(["a"]);
  });

  test("an added name is sent alone; one that was given up and asked for again is sent again", () => {
    const one = client(EDS, filled([EDS, "a"], [EDS, "b"]));
    one.ask(["a"]);
    one.next();
    one.ack(["a", "b"]);
    expect(one.next()).toEqual(["b"]);
    one.ack(["b"]);
    expect(one.next()).toBeUndefined();
    one.ack(["a", "b"]);
    expect(one.next()).toEqual(["a"]);
  });

  test("a named cluster that does not exist is told by the set without it", () => {
    const one = client(CDS, filled([CDS, "a"]));
    one.ask(["a"]);
    one.next();
    one.ack(["a", "none"]);
    expect(one.next()).toEqual(["a"]);
  });

  test("a change that is taken back before it was sent is not sent", () => {
    const one = client(CDS, filled([CDS, "a"]));
    one.ask([]);
    one.next();
    one.ack([]);
    put(one.store, [CDS, "b"]);
    drop(one.store, [CDS, "b"]);
    put(one.store, [CDS, "a", "2"]);
    put(one.store, [CDS, "a", "1"]);
    expect(one.next()).toBeUndefined();
  });

  test("a change between a response and its answer is not lost", () => {
    const one = client(EDS, filled([EDS, "a"]));
    one.ask(["a"]);
    one.next();
    put(one.store, [EDS, "a", "2"]);
    one.ack(["a"]);
    expect(one.next()).toEqual(["a"]);
  });

  test("a set that would only lose something can be held back", () => {
    const one = client(CDS, filled([CDS, "a"], [CDS, "b"]));
    one.ask([]);
    one.next();
    one.ack([]);
    drop(one.store, [CDS, "a"]);
    expect(one.next(true)).toBeUndefined();
    expect(one.next(false)).toBe("*");
    one.ack([]);
    drop(one.store, [CDS, "b"]);
    put(one.store, [CDS, "c"]);
    expect(one.next(true)).toBe("*");
  });

  test("names that come and go under a wildcard leave nothing behind", () => {
    const one = client(CDS);
    one.ask([]);
    one.next();
    for (let round = 0; round < 50; round += 1) {
      put(one.store, [CDS, `c${round}`]);
      one.next();
      one.ack([]);
      drop(one.store, [CDS, `c${round}`]);
      one.next();
      one.ack([]);
    }
    expect(one.subscription.known.size + one.subscription.dirty.size).toBe(0);
  });
});

describe("answers", () => {
  test("an ACK and a NACK are noted with what they answer", () => {
    const one = client(EDS, filled([EDS, "a"]));
    one.ask(["a"]);
    one.next();
    expect(one.subscription.awaiting).toBe(true);
    expect(one.ack(["a"]).verdict).toBe("ack");
    expect(one.subscription).toMatchObject({ awaiting: false, acked: { nonce: "n1" }, nack: undefined });
    put(one.store, [EDS, "a", "2"]);
    one.next();
    expect(one.nack(["a"]).verdict).toBe("nack");
    expect(one.subscription).toMatchObject({
      awaiting: false,
      acked: { nonce: "n1" },
      nack: { nonce: "n2", names: ["a"], message: "no good" },
    });
  });

  test("a refused version is not sent again until it changes, not even when its cluster changes", () => {
    const one = client(EDS, filled([EDS, "a"], [EDS, "b"]));
    one.ask(["a", "b"]);
    one.next();
    one.nack(["a", "b"]);
    expect(one.next()).toBeUndefined();
    sendAgain(one.subscription, "a");
    expect(one.next()).toBeUndefined();
    put(one.store, [EDS, "b", "2"]);
    expect(one.next()).toEqual(["b"]);
    one.ack(["a", "b"]);
    expect(one.subscription.nack).toMatchObject({ nonce: "n1" });
    put(one.store, [EDS, "a", "2"]);
    expect(one.next()).toEqual(["a"]);
    expect(one.subscription.nack).toBeUndefined();
  });

  test("a refused set is not sent again until it changes", () => {
    const one = client(CDS, filled([CDS, "a"]));
    one.ask([]);
    one.next();
    one.nack([]);
    expect(one.next()).toBeUndefined();
    put(one.store, [CDS, "b"]);
    expect(one.next()).toBe("*");
    one.ack([]);
    expect(one.subscription.nack).toBeUndefined();
  });

  test("an accepted version is sent again when its cluster changes", () => {
    const one = client(EDS, filled([EDS, "a"], [EDS, "b"]));
    one.ask(["a", "b"]);
    one.next();
    one.ack(["a", "b"]);
    sendAgain(one.subscription, "a");
    sendAgain(one.subscription, "not asked for");
    expect(one.next()).toEqual(["a"]);
  });

  test("a stale nonce answers nothing and changes nothing", () => {
    const one = client(EDS, filled([EDS, "a"], [EDS, "b"]));
    one.ask(["a"]);
    one.next();
    one.ack(["a"]);
    put(one.store, [EDS, "a", "2"]);
    one.next();
    expect(one.ask(["a", "b"], { nonce: "n1" })).toEqual({ verdict: "stale", subscribed: [], unsubscribed: [] });
    expect(one.ask(["a"], { nonce: "n1", error: "late" }).verdict).toBe("stale");
    expect(one.subscription).toMatchObject({ awaiting: true, nack: undefined });
    one.ack(["a", "b"]);
    expect(one.next()).toEqual(["b"]);
  });

  test("a request without a nonce is no answer, but what it asks for counts", () => {
    const one = client(EDS, filled([EDS, "a"], [EDS, "b"]));
    one.ask(["a"]);
    one.next();
    expect(one.ask(["a", "b"]).verdict).toBe("change");
    expect(one.subscription.awaiting).toBe(true);
    one.ack(["a", "b"]);
    expect(one.next()).toEqual(["b"]);
  });
});
