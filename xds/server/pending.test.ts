import { describe, expect, test } from "vitest";
import type { TypeUrl } from "../resources/resource.ts";
import { ResourceStore } from "../resources/store.ts";
import { Demand } from "./demand.ts";
import { Session } from "./session.ts";
import { CDS, EDS, put, resource } from "./test-support.ts";

/** Longer than any test. */
const LONG_MS = 600_000;

/** A stream without a network; `names -removed` of each response. */
function stream(protocol: "sotw" | "delta", expected: readonly string[]) {
  const store = new ResourceStore();
  const session = new Session({
    protocol,
    reader: store,
    demand: new Demand(),
    maxNames: 100,
    noncePrefix: "s",
  });
  store.subscribe((changed) => session.changed(changed));
  const ask = (typeUrl: TypeUrl, names: string[], initial: Record<string, string> = {}) => {
    for (const name of expected) store.expect(typeUrl, name, LONG_MS);
    const request =
      protocol === "sotw"
        ? ({ kind: "sotw", names } as const)
        : ({
            kind: "delta",
            subscribe: names,
            unsubscribe: [],
            initialVersions: new Map(Object.entries(initial)),
          } as const);
    session.take({ ...request, typeUrl, nonce: "" }, 0);
  };
  const next = () =>
    session.next(0).map((plan) => {
      session.giveUpWaiting(0);
      const names = plan.names === "*" ? ["*"] : plan.names;
      return [...names, ...plan.removed.map((name) => `-${name}`)].join(" ");
    });
  const giveUp = (typeUrl: TypeUrl, name: string) => {
    store.unexpect(typeUrl, name);
    session.changed(new Map([[typeUrl, new Set([name])]]));
  };
  return { store, ask, next, giveUp };
}

describe.each([
  { protocol: "sotw", gone: [""] },
  { protocol: "delta", gone: ["-a"] },
] as const)("$protocol", ({ protocol, gone }) => {
  test("a name that may come is waited for", () => {
    const { store, ask, next } = stream(protocol, ["a"]);
    ask(EDS, ["a"]);
    expect(next()).toEqual([]);
    put(store, [EDS, "a"]);
    expect(next()).toEqual(["a"]);
    expect(next()).toEqual([]);
  });

  test("one that does not come is told when its time is over", () => {
    const { ask, next, giveUp } = stream(protocol, ["a"]);
    ask(EDS, ["a"]);
    expect(next()).toEqual([]);
    giveUp(EDS, "a");
    expect(next()).toEqual(gone);
  });

  test("others do not wait for it", () => {
    const { store, ask, next } = stream(protocol, ["a"]);
    put(store, [EDS, "b"]);
    ask(EDS, ["a", "b"]);
    expect(next()).toEqual(["b"]);
    expect(next()).toEqual([]);
    put(store, [EDS, "a"]);
    expect(next()).toEqual(["a"]);
  });

  test("a name that nobody expects is told at once", () => {
    const { ask, next } = stream(protocol, []);
    ask(EDS, ["a"]);
    expect(next()).toEqual(gone);
  });
});

test("delta: a client that comes back keeps what it has until its name is there again", () => {
  const { store, ask, next } = stream("delta", ["a"]);
  ask(EDS, ["a"], { a: resource(EDS, "a", "1").version });
  expect(next()).toEqual([]);
  put(store, [EDS, "a", "1"]);
  // It has just this version.
  expect(next()).toEqual([]);
  put(store, [EDS, "a", "2"]);
  expect(next()).toEqual(["a"]);
});

test("sotw: a whole set is not told without what may come", () => {
  const { store, ask, next } = stream("sotw", ["a"]);
  put(store, [CDS, "b"]);
  ask(CDS, ["a", "b"]);
  expect(next()).toEqual([]);
  put(store, [CDS, "a"]);
  expect(next()).toEqual(["a b"]);
});
