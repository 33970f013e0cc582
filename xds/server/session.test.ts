import { describe, expect, test } from "vitest";
import { Cluster } from "../../proto/generated/envoy/config/cluster/v3/cluster.ts";
import type { TypeUrl } from "../resources/resource.ts";
import { ResourceStore } from "../resources/store.ts";
import { Demand } from "./demand.ts";
import { Session } from "./session.ts";
import { CDS, drop, EDS, encoded, LDS, put, RDS } from "./test-support.ts";
import { shortName } from "./type-view.ts";

const PROTOCOLS = ["sotw", "delta"] as const;

/** A stream without a network: what it is sent is written down as `TYPE names -removed`. */
function stream(protocol: "sotw" | "delta", store = new ResourceStore(), demand = new Demand(), maxNames = 100) {
  const session = new Session({ protocol, reader: store, demand, maxNames, noncePrefix: "s" });
  const nonces = new Map<string, string>();
  const wanted = new Map<string, string[]>();
  let now = 0;
  const unfollow = store.subscribe((changed) => session.changed(changed));
  const next = (busy?: ReadonlySet<string>) =>
    session.next(now, busy).map((plan) => {
      nonces.set(plan.typeUrl, plan.nonce);
      const names = plan.names === "*" ? "*" : plan.names.join(",");
      const removed = plan.removed.length === 0 ? "" : ` -${plan.removed.join(",")}`;
      return `${shortName(plan.typeUrl)} ${names}${removed}`;
    });
  const say = (typeUrl: string, names: string[], answer: { nonce?: string; error?: string }) => {
    const request =
      protocol === "sotw"
        ? ({ kind: "sotw", names } as const)
        : ({
            kind: "delta",
            subscribe: answer.nonce ? [] : names,
            unsubscribe: [],
            initialVersions: new Map(),
          } as const);
    return session.take({ ...request, typeUrl, nonce: "", ...answer }, now);
  };
  return {
    session,
    store,
    demand,
    next,
    unfollow,
    tick: (ms: number) => {
      now += ms;
    },
    ask(typeUrl: string, names: string[] = []) {
      wanted.set(typeUrl, names);
      return say(typeUrl, names, {});
    },
    ack: (...types: TypeUrl[]) => {
      for (const typeUrl of types) say(typeUrl, wanted.get(typeUrl) ?? [], { nonce: nonces.get(typeUrl) ?? "" });
    },
    nack: (typeUrl: TypeUrl) =>
      say(typeUrl, wanted.get(typeUrl) ?? [], { nonce: nonces.get(typeUrl) ?? "", error: "no good" }),
  };
}

/** A stream that knows cluster, endpoints, listener and route of `a`. */
function settled(protocol: "sotw" | "delta") {
  const one = stream(protocol);
  put(one.store, [CDS, "a"], [EDS, "a"], [LDS, "door"], [RDS, "map"]);
  one.ask(CDS);
  one.ask(EDS, ["a"]);
  one.ask(LDS);
  one.ask(RDS, ["map"]);
  one.next();
  one.ack(CDS, EDS, LDS, RDS);
  expect(one.next()).toEqual([]);
  return one;
}

const whole = (protocol: string, type: string, names: string) => `${type} ${protocol === "sotw" ? "*" : names}`;

describe.each(PROTOCOLS)("%s: order on one stream", (protocol) => {
  test("first clusters, then endpoints, listeners, routes, whatever the order of the questions", () => {
    const one = stream(protocol);
    put(one.store, [CDS, "a"], [EDS, "a"], [LDS, "door"], [RDS, "map"]);
    one.ask(RDS, ["map"]);
    one.ask(LDS);
    one.ask(EDS, ["a"]);
    one.ask(CDS);
    expect(one.next()).toEqual([whole(protocol, "cds", "a"), "eds a", whole(protocol, "lds", "door"), "rds map"]);
  });

  test("a new cluster is accepted (Envoy: warm) before the route to it is sent", () => {
    const one = settled(protocol);
    put(one.store, [CDS, "b"], [EDS, "b"], [RDS, "map", "2"]);
    expect(one.next()).toEqual([whole(protocol, "cds", "b")]);
    one.ask(EDS, protocol === "sotw" ? ["a", "b"] : ["b"]);
    expect(one.next()).toEqual(["eds b"]);
    one.ack(CDS);
    expect(one.next()).toEqual(["rds map"]);
  });

  test("a cluster goes when the route that left it is accepted", () => {
    const one = settled(protocol);
    put(one.store, [RDS, "map", "2"]);
    drop(one.store, [CDS, "a"]);
    expect(one.next()).toEqual(["rds map"]);
    expect(one.next()).toEqual([]);
    one.ack(RDS);
    expect(one.next()).toEqual([protocol === "sotw" ? "cds *" : "cds  -a"]);
  });

  test("weights do not wait for clusters or routes", () => {
    const one = settled(protocol);
    put(one.store, [CDS, "b"], [LDS, "door", "2"]);
    one.next();
    put(one.store, [EDS, "a", "2"]);
    expect(one.next()).toEqual(["eds a"]);
  });

  test("the endpoints of a cluster that changed are sent again, after it", () => {
    const one = settled(protocol);
    put(one.store, [CDS, "a", "2"]);
    expect(one.next()).toEqual([whole(protocol, "cds", "a"), "eds a"]);
  });

  test("also when they were still unanswered", () => {
    const one = settled(protocol);
    put(one.store, [EDS, "a", "2"]);
    expect(one.next()).toEqual(["eds a"]);
    put(one.store, [CDS, "a", "2"]);
    expect(one.next()).toEqual([whole(protocol, "cds", "a")]);
    one.ack(EDS);
    expect(one.next()).toEqual(["eds a"]);
  });

  test("the endpoints are found by the cluster's service name", () => {
    const one = settled(protocol);
    const value = Cluster.encode(Cluster.fromPartial({ name: "b", edsClusterConfig: { serviceName: "a" } })).finish();
    one.store.apply({ upsert: [encoded(CDS, "b", value)], remove: [] });
    expect(one.next()).toEqual([whole(protocol, "cds", "b"), "eds a"]);
  });
});

describe.each(PROTOCOLS)("%s: one response of each type at a time", (protocol) => {
  test("a hundred changes for a client that does not answer are one response when it does", () => {
    const one = settled(protocol);
    for (let flavour = 2; flavour < 100; flavour += 1) {
      put(one.store, [EDS, "a", String(flavour)]);
      expect(one.next()).toEqual(flavour === 2 ? ["eds a"] : []);
    }
    one.ack(EDS);
    expect(one.next()).toEqual(["eds a"]);
    expect(one.session.subscriptions.get(EDS)?.dirty.size).toBe(0);
    one.ack(EDS);
    expect(one.next()).toEqual([]);
  });

  test("nothing of a type is sent while its last response is still here", () => {
    const one = settled(protocol);
    put(one.store, [EDS, "a", "2"], [CDS, "b"]);
    expect(one.next(new Set([EDS]))).toEqual([whole(protocol, "cds", "b")]);
    expect(one.next()).toEqual(["eds a"]);
  });

  test("an answer that does not come is waited for only so long", () => {
    const one = settled(protocol);
    put(one.store, [CDS, "b"], [RDS, "map", "2"]);
    one.next();
    put(one.store, [CDS, "c"]);
    one.tick(100);
    one.session.giveUpWaiting(-1);
    expect(one.next()).toEqual([]);
    one.session.giveUpWaiting(0);
    expect(one.next()).toEqual([whole(protocol, "cds", "c")]);
    one.ack(CDS);
    expect(one.next()).toEqual(["rds map"]);
  });

  test("a refusal is an answer: what changes next is sent", () => {
    const one = settled(protocol);
    put(one.store, [EDS, "a", "2"]);
    one.next();
    one.nack(EDS);
    expect(one.next()).toEqual([]);
    put(one.store, [EDS, "a", "3"]);
    expect(one.next()).toEqual(["eds a"]);
  });
});

describe.each(PROTOCOLS)("%s: limits and what is left behind", (protocol) => {
  test("1000 names are served, more than the limit are not", () => {
    const names = Array.from({ length: 1000 }, (_, index) => `c${index}`);
    expect(stream(protocol, undefined, undefined, 1000).ask(EDS, names).verdict).toBe("first");
    expect(stream(protocol, undefined, undefined, 999).ask(EDS, names)).toEqual({
      verdict: "refused",
      message: `1000 names of ${EDS} at once; at most 999 are served`,
    });
  });

  test("a name of more than 1024 characters is refused, and so is such a type, or a version that a client says it has", () => {
    expect(stream(protocol).ask(EDS, ["x".repeat(1024)]).verdict).toBe("first");
    const refused = { verdict: "refused", message: "a name of 1025 characters; at most 1024 are served" };
    const long = "x".repeat(1025);
    expect(stream(protocol).ask(EDS, ["a", long])).toEqual(refused);
    expect(stream(protocol).ask(long)).toEqual(refused);
    const first = { kind: "delta", typeUrl: EDS, subscribe: ["a"], unsubscribe: [], nonce: "" } as const;
    for (const [name, version] of [
      [long, "1"],
      ["a", long],
    ] as const)
      expect(stream("delta").session.take({ ...first, initialVersions: new Map([[name, version]]) }, 0)).toEqual(
        refused,
      );
  });

  test("types are limited too, and those that are not served cost no demand", () => {
    const one = stream(protocol);
    const verdicts = Array.from({ length: 40 }, (_, index) => one.ask(`made.up/${index}`, ["x"]).verdict);
    expect(verdicts.filter((verdict) => verdict === "first")).toHaveLength(32);
    expect(verdicts.at(-1)).toBe("refused");
  });

  test("1000 streams that come and go leave nothing in the demand", () => {
    const store = new ResourceStore();
    const demand = new Demand();
    put(store, [EDS, "a"]);
    for (let round = 0; round < 1000; round += 1) {
      const one = stream(protocol, store, demand);
      one.ask(EDS, ["a", "b"]);
      expect(demand.subscribers(EDS, "a")).toBe(1);
      one.next();
      one.session.close();
      one.unfollow();
      expect(one.session.subscriptions.size).toBe(0);
    }
    expect(demand.names(EDS).size).toBe(0);
  });

  test("what makes resources on demand may do so at once", () => {
    const store = new ResourceStore();
    const demand = new Demand();
    demand.subscribe((typeUrl, name, subscribers) => {
      if (typeUrl === EDS && subscribers > 0) put(store, [EDS, name]);
    });
    const one = stream(protocol, store, demand);
    one.ask(EDS, ["made"]);
    expect(one.next()).toEqual(["eds made"]);
  });
});
