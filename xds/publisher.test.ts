import { pino } from "pino";
import { Registry } from "prom-client";
import { beforeEach, expect, it } from "vitest";
import type { Cluster, Fleet } from "./fleet/fleet.ts";
import { Publisher } from "./publisher.ts";
import { type EncodedResource, TYPE_URLS } from "./resources/resource.ts";
import { ResourceStore } from "./resources/store.ts";

const ENDPOINT = { key: "10.0.0.1:80", address: "10.0.0.1", port: 80, state: "ready" } as const;
const LOCALITY = { region: "", zone: "", subZone: "" };

function cluster(connectTimeoutMs: number): Cluster {
  return { name: "a", endpoints: [{ ...ENDPOINT, locality: LOCALITY }], protocol: "http1", connectTimeoutMs };
}

function fleet(...clusters: Cluster[]): Fleet {
  return { clusters: new Map(clusters.map((each) => [each.name, each])), listeners: new Map() };
}

const weights = (weight: number) => new Map([[ENDPOINT.key, weight]]);

let store: ResourceStore;
let registry: Registry;
let logged: { resource?: string; error?: string }[];
let publisher: Publisher;
beforeEach(() => {
  store = new ResourceStore();
  registry = new Registry();
  logged = [];
  publisher = new Publisher(store, registry, pino({}, { write: (line: string) => logged.push(JSON.parse(line)) }));
});

const clusterVersion = () => store.get(TYPE_URLS.cluster, "a")?.version;
const endpointsVersion = () => store.get(TYPE_URLS.endpoints, "a")?.version;

it("offers a cluster only with its endpoints", () => {
  const good = cluster(1000);
  publisher.publishFleet(fleet(good));
  expect(clusterVersion()).toBeUndefined();
  publisher.publishWeights(good, weights(100));
  expect(clusterVersion()).toBeDefined();
  expect(endpointsVersion()).toBeDefined();
});

it("keeps the last good version of what breaks its rules, names the fault once, and goes on", async () => {
  const good = cluster(1000);
  publisher.publishFleet(fleet(good));
  publisher.publishWeights(good, weights(100));
  const before = { cluster: clusterVersion(), endpoints: endpointsVersion() };

  // Envoy wants a time above 0.
  const bad = cluster(0);
  publisher.publishFleet(fleet(bad));
  publisher.publishWeights(bad, weights(50));
  publisher.publishWeights(bad, weights(60));
  expect(clusterVersion()).toBe(before.cluster);
  expect(endpointsVersion()).not.toBe(before.endpoints);
  expect(logged).toHaveLength(1);
  expect(logged[0]).toMatchObject({
    resource: "a",
    error: expect.stringMatching(/EK_RESOURCE_INVALID.*connect_timeout/),
  });
  expect(await registry.getSingleMetricAsString("evenkeel_resources_invalid_total")).toContain('{type="Cluster"} 1');

  publisher.publishFleet(fleet(cluster(2000)));
  expect(clusterVersion()).not.toBe(before.cluster);
});

it("takes away what has left the fleet, and tells a fault anew when it comes back", () => {
  const bad = cluster(0);
  publisher.publishFleet(fleet(bad));
  publisher.publishWeights(bad, weights(100));
  publisher.publishFleet(fleet());
  expect(endpointsVersion()).toBeUndefined();
  expect(publisher.weights("a")).toBeUndefined();
  publisher.publishFleet(fleet(bad));
  publisher.publishWeights(bad, weights(100));
  expect(logged).toHaveLength(2);
});

it("publishes a proxy's resources beside the fleet's, counts them, and takes away those that go", async () => {
  const proxys = (name: string, version: string): EncodedResource => ({
    typeUrl: TYPE_URLS.cluster,
    name,
    version,
    any: new Uint8Array(),
  });
  const good = cluster(1000);
  publisher.publishFleet(fleet(good));
  publisher.publishWeights(good, weights(100));
  publisher.publishProxy([proxys("service.a", "1"), proxys("service.b", "1")]);
  publisher.publishFleet(fleet(good));
  const count = async () =>
    /\{type="Cluster"\} (\d+)/.exec(await registry.getSingleMetricAsString("evenkeel_resources"));
  expect((await count())?.[1]).toBe("3");
  publisher.publishProxy([proxys("service.b", "2")]);
  expect([...store.all(TYPE_URLS.cluster).values()].map(({ name }) => name)).toEqual(["a", "service.b"]);
  expect(store.get(TYPE_URLS.cluster, "service.b")?.version).toBe("2");
  expect((await count())?.[1]).toBe("2");
});

it("leaves a name to its new owner, whoever lets go of it first", () => {
  const proxys = { typeUrl: TYPE_URLS.cluster, name: "a", version: "the proxy's", any: new Uint8Array() };
  const good = cluster(1000);
  publisher.publishProxy([proxys]);
  publisher.publishFleet(fleet(good));
  publisher.publishWeights(good, weights(100));
  publisher.publishProxy([]);
  expect(clusterVersion()).toMatch(/^[0-9a-f]{16}$/);
  publisher.publishProxy([proxys]);
  publisher.publishFleet(fleet());
  expect(clusterVersion()).toBe("the proxy's");
});
