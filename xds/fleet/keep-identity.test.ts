import { expect, it } from "vitest";
import { type Cluster, type Endpoint, endpointKey, type Fleet } from "./fleet.ts";
import { keepIdentity } from "./keep-identity.ts";

const endpoint = (address: string, state: Endpoint["state"] = "ready"): Endpoint => ({
  key: endpointKey(address, 80),
  address,
  port: 80,
  locality: { region: "", zone: "a", subZone: "" },
  state,
});
const cluster = (name: string, ...endpoints: Endpoint[]): Cluster => ({
  name,
  endpoints,
  protocol: "http1",
  connectTimeoutMs: 1000,
});
const fleet = (...clusters: Cluster[]): Fleet => ({
  clusters: new Map(clusters.map((one) => [one.name, one])),
  listeners: new Map(),
});

it("returns the previous fleet when nothing changed", () => {
  const before = fleet(cluster("a", endpoint("10.0.0.1")));
  expect(keepIdentity(before, fleet(cluster("a", endpoint("10.0.0.1"))))).toBe(before);
});

it("keeps unchanged clusters, and unchanged endpoints of a changed one", () => {
  const before = fleet(cluster("a", endpoint("10.0.0.1")), cluster("b", endpoint("10.0.0.2"), endpoint("10.0.0.3")));
  const after = keepIdentity(
    before,
    fleet(cluster("a", endpoint("10.0.0.1")), cluster("b", endpoint("10.0.0.2"), endpoint("10.0.0.3", "draining"))),
  );
  expect(after).not.toBe(before);
  expect(after.clusters.get("a")).toBe(before.clusters.get("a"));
  expect(after.clusters.get("b")).not.toBe(before.clusters.get("b"));
  expect(after.clusters.get("b")?.endpoints[0]).toBe(before.clusters.get("b")?.endpoints[0]);
  expect(after.clusters.get("b")?.endpoints[1]?.state).toBe("draining");
});

it("sees a cluster that came and one that went", () => {
  const before = fleet(cluster("a"));
  expect([...keepIdentity(before, fleet(cluster("a"), cluster("b"))).clusters.keys()]).toEqual(["a", "b"]);
  expect([...keepIdentity(before, fleet(cluster("b"))).clusters.keys()]).toEqual(["b"]);
});
