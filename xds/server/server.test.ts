import { type ServiceError, status } from "@grpc/grpc-js";
import { afterEach, describe, expect, test } from "vitest";
import { ClusterLoadAssignment } from "../../proto/generated/envoy/config/endpoint/v3/endpoint.ts";
import { ClusterDiscoveryServiceClient } from "../../proto/generated/envoy/service/cluster/v3/cds.ts";
import { AggregatedDiscoveryServiceClient } from "../../proto/generated/envoy/service/discovery/v3/ads.ts";
import {
  DeltaDiscoveryRequest,
  type DeltaDiscoveryResponse,
  DiscoveryRequest,
  type DiscoveryResponse,
} from "../../proto/generated/envoy/service/discovery/v3/discovery.ts";
import { EndpointDiscoveryServiceClient } from "../../proto/generated/envoy/service/endpoint/v3/eds.ts";
import { ListenerDiscoveryServiceClient } from "../../proto/generated/envoy/service/listener/v3/lds.ts";
import { RouteDiscoveryServiceClient } from "../../proto/generated/envoy/service/route/v3/rds.ts";
import {
  type DeltaTalk,
  plaintext,
  type SotwTalk,
  startTestServer,
  Talk,
  type TestServer,
  until,
} from "./test-server.ts";
import { CDS, drop, EDS, LDS, put, RDS, resource } from "./test-support.ts";

const node = { id: "envoy-1", cluster: "front" };
const cleanups: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function serve(options: Parameters<typeof startTestServer>[0] = {}): Promise<TestServer> {
  const one = await startTestServer(options);
  cleanups.push(() => one.server.stop(500));
  return one;
}

function ads(address: string): AggregatedDiscoveryServiceClient {
  const client = new AggregatedDiscoveryServiceClient(address, plaintext());
  cleanups.push(() => client.close());
  return client;
}

const sotwAds = (address: string): SotwTalk => new Talk(ads(address).streamAggregatedResources());
const deltaAds = (address: string): DeltaTalk => new Talk(ads(address).deltaAggregatedResources());
const ask = (partial: Parameters<typeof DiscoveryRequest.fromPartial>[0]) => DiscoveryRequest.fromPartial(partial);
const askDelta = (partial: Parameters<typeof DeltaDiscoveryRequest.fromPartial>[0]) =>
  DeltaDiscoveryRequest.fromPartial(partial);

type Done = (error: ServiceError | null, response: DiscoveryResponse) => void;

const namesOf = (response: DiscoveryResponse) =>
  response.resources.map(({ value }) => ClusterLoadAssignment.decode(value).clusterName);
const namesOfDelta = (response: DeltaDiscoveryResponse) => response.resources.map(({ name }) => name);

describe("state of the world over ADS", () => {
  test("answers in order, pushes what changes, and knows what was accepted", async () => {
    const { address, store, demand, server, metric } = await serve({ ackPatienceMs: 600_000 });
    put(store, [CDS, "a"], [EDS, "a"], [LDS, "door"], [RDS, "map"]);
    const talk = sotwAds(address);
    talk.say(ask({ node, typeUrl: CDS }));
    const clusters = await talk.next();
    expect(clusters).toMatchObject({ typeUrl: CDS, versionInfo: store.version(CDS) });
    talk.say(ask({ typeUrl: EDS, resourceNames: ["a"] }));
    talk.say(ask({ typeUrl: CDS, responseNonce: clusters.nonce, versionInfo: clusters.versionInfo }));
    const endpoints = await talk.next();
    expect(namesOf(endpoints)).toEqual(["a"]);
    expect(endpoints.resources[0]?.typeUrl).toBe(EDS);
    talk.say(ask({ typeUrl: EDS, resourceNames: ["a"], responseNonce: endpoints.nonce }));
    talk.say(ask({ typeUrl: LDS }));
    const listeners = await talk.next();
    talk.say(ask({ typeUrl: LDS, responseNonce: listeners.nonce }));
    talk.say(ask({ typeUrl: RDS, resourceNames: ["map"] }));
    const routes = await talk.next();
    talk.say(ask({ typeUrl: RDS, resourceNames: ["map"], responseNonce: routes.nonce }));
    await until("all is accepted", () => server.clients()[0]?.types.every(({ state }) => state === "synced") === true);

    expect([listeners.typeUrl, routes.typeUrl]).toEqual([LDS, RDS]);
    expect(demand.subscribers(EDS, "a")).toBe(1);
    expect(server.clients()).toMatchObject([
      { nodeId: "envoy-1", name: "envoy-1", nodeCluster: "front", service: "ads", protocol: "sotw" },
    ]);
    put(store, [EDS, "a", "2"], [EDS, "not asked for"]);
    const update = await talk.next();
    expect(namesOf(update)).toEqual(["a"]);
    expect(update.nonce).not.toBe(endpoints.nonce);
    expect(await metric("evenkeel_xds_pending", { type: "eds" })).toBe(1);
    expect(await metric("evenkeel_xds_responses_total")).toBe(5);
    expect(await metric("evenkeel_xds_acks_total")).toBe(4);
    expect(await metric("evenkeel_xds_clients")).toBe(1);
    expect(await metric("evenkeel_xds_streams", { service: "ads", protocol: "sotw" })).toBe(1);
    talk.hangUp();
    await until("the stream is gone", () => server.clients().length === 0);
    expect(demand.names(EDS).size).toBe(0);
    expect(await metric("evenkeel_xds_streams")).toBe(0);
  });

  test("a refused version is logged and not sent again; the next one is", async () => {
    const { address, store, server, logged, metric } = await serve();
    put(store, [EDS, "a"], [EDS, "b"]);
    const talk = sotwAds(address);
    const say = (more: Parameters<typeof DiscoveryRequest.fromPartial>[0]) =>
      talk.say(ask({ node, typeUrl: EDS, resourceNames: ["a", "b"], ...more }));
    say({});
    const first = await talk.next();
    say({ responseNonce: "a stale one", errorDetail: { message: "ignored" } });
    say({ responseNonce: first.nonce, errorDetail: { code: 3, message: "weights are odd" } });
    await until("the refusal is seen", () => server.clients()[0]?.types[0]?.state === "error");
    put(store, [EDS, "b", "2"]);
    const second = await talk.next();
    expect(namesOf(second)).toEqual(["b"]);
    say({ responseNonce: second.nonce });
    put(store, [EDS, "a", "2"]);
    expect(namesOf(await talk.next())).toEqual(["a"]);
    expect(server.clients()[0]?.types[0]?.nack).toBeUndefined();
    expect(await metric("evenkeel_xds_nacks_total", { type: "eds" })).toBe(1);
    expect(await metric("evenkeel_xds_stale_requests_total", { type: "eds" })).toBe(1);
    expect(logged.find(({ error }) => error === "weights are odd")).toMatchObject({
      node: "envoy-1",
      type: "eds",
      names: ["a", "b"],
      nonce: first.nonce,
    });
  });

  test("changes are merged while a client does not answer; after a time they follow nevertheless", async () => {
    const { address, store } = await serve({ ackPatienceMs: 300 });
    put(store, [EDS, "a"]);
    const talk = sotwAds(address);
    talk.say(ask({ node, typeUrl: EDS, resourceNames: ["a"] }));
    await talk.next();
    for (let flavour = 2; flavour < 20; flavour += 1) put(store, [EDS, "a", String(flavour)]);
    let responses = 0;
    for (let flavour = 0; flavour !== 19; responses += 1) {
      const { value } = (await talk.next()).resources[0] ?? { value: Buffer.alloc(0) };
      flavour = ClusterLoadAssignment.decode(value).endpoints[0]?.priority ?? 0;
    }
    // One, or two when the time had passed before the first change.
    expect(responses).toBeLessThanOrEqual(2);
  });
});

describe("incremental over ADS", () => {
  test("answers names, removals, and what changes", async () => {
    const { address, store, demand } = await serve();
    put(store, [CDS, "a"], [EDS, "a"]);
    const talk = deltaAds(address);
    talk.say(askDelta({ node, typeUrl: CDS }));
    const clusters = await talk.next();
    expect(clusters).toMatchObject({ typeUrl: CDS, systemVersionInfo: store.version(CDS), removedResources: [] });
    expect(clusters.resources).toMatchObject([{ name: "a", version: resource(CDS, "a").version }]);
    talk.say(askDelta({ typeUrl: CDS, responseNonce: clusters.nonce }));
    talk.say(askDelta({ typeUrl: EDS, resourceNamesSubscribe: ["a", "none"] }));
    const endpoints = await talk.next();
    expect(namesOfDelta(endpoints)).toEqual(["a"]);
    expect(endpoints.removedResources).toEqual(["none"]);
    expect(demand.subscribers(EDS, "none")).toBe(1);
    talk.say(askDelta({ typeUrl: EDS, responseNonce: endpoints.nonce, resourceNamesUnsubscribe: ["none"] }));
    await until("the name is given up", () => demand.subscribers(EDS, "none") === 0);
    put(store, [CDS, "a", "2"]);
    expect([(await talk.next()).typeUrl, (await talk.next()).typeUrl]).toEqual([CDS, EDS]);
  });

  test("a client that reconnects is told only what it does not have", async () => {
    const { address, store } = await serve();
    put(store, [EDS, "same"], [EDS, "newer"]);
    const talk = deltaAds(address);
    talk.say(
      askDelta({
        node,
        typeUrl: EDS,
        resourceNamesSubscribe: ["same", "newer", "gone"],
        initialResourceVersions: { same: resource(EDS, "same").version, newer: "older", gone: "1" },
      }),
    );
    const response = await talk.next();
    expect(namesOfDelta(response)).toEqual(["newer"]);
    expect(response.removedResources).toEqual(["gone"]);
    drop(store, [EDS, "same"]);
    talk.say(askDelta({ typeUrl: EDS, responseNonce: response.nonce }));
    expect((await talk.next()).removedResources).toEqual(["same"]);
  });
});

describe("the services of single types", () => {
  const services = [
    [
      "cds",
      CDS,
      (address: string) => {
        const client = new ClusterDiscoveryServiceClient(address, plaintext());
        return {
          client,
          sotw: () => client.streamClusters(),
          delta: () => client.deltaClusters(),
          fetch: (request: DiscoveryRequest, done: Done) => client.fetchClusters(request, done),
        };
      },
    ],
    [
      "eds",
      EDS,
      (address: string) => {
        const client = new EndpointDiscoveryServiceClient(address, plaintext());
        return {
          client,
          sotw: () => client.streamEndpoints(),
          delta: () => client.deltaEndpoints(),
          fetch: (request: DiscoveryRequest, done: Done) => client.fetchEndpoints(request, done),
        };
      },
    ],
    [
      "lds",
      LDS,
      (address: string) => {
        const client = new ListenerDiscoveryServiceClient(address, plaintext());
        return {
          client,
          sotw: () => client.streamListeners(),
          delta: () => client.deltaListeners(),
          fetch: (request: DiscoveryRequest, done: Done) => client.fetchListeners(request, done),
        };
      },
    ],
    [
      "rds",
      RDS,
      (address: string) => {
        const client = new RouteDiscoveryServiceClient(address, plaintext());
        return {
          client,
          sotw: () => client.streamRoutes(),
          delta: () => client.deltaRoutes(),
          fetch: (request: DiscoveryRequest, done: Done) => client.fetchRoutes(request, done),
        };
      },
    ],
  ] as const;

  test.each(services)("%s: stream, delta and a single question", async (service, typeUrl, connect) => {
    const { address, store, server } = await serve();
    put(store, [typeUrl, "a"], [typeUrl, "b"]);
    const { client, sotw, delta, fetch } = connect(address);
    cleanups.push(() => client.close());

    const stream: SotwTalk = new Talk(sotw());
    // A service of one type needs no type_url.
    stream.say(ask({ node, resourceNames: ["a"] }));
    expect(await stream.next()).toMatchObject({ typeUrl, resources: [{ typeUrl }] });
    const incremental: DeltaTalk = new Talk(delta());
    incremental.say(askDelta({ node, typeUrl, resourceNamesSubscribe: ["b"] }));
    expect(namesOfDelta(await incremental.next())).toEqual(["b"]);
    expect(server.clients().map((one) => [one.service, one.protocol])).toEqual([
      [service, "sotw"],
      [service, "delta"],
    ]);
    const question = (request: DiscoveryRequest) =>
      new Promise<DiscoveryResponse>((resolve, reject) => {
        fetch(request, (error, response) => (error === null ? resolve(response) : reject(error)));
      });
    expect((await question(ask({ node }))).resources).toHaveLength(2);
    expect((await question(ask({ node, resourceNames: ["a", "none"] }))).resources).toHaveLength(1);
    await expect(question(ask({ node, typeUrl: "other" }))).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });

    stream.say(ask({ typeUrl: "other" }));
    expect(await stream.failure()).toMatchObject({ code: status.INVALID_ARGUMENT });
  });
});

describe("the server itself", () => {
  test("a port that is taken is said so", async () => {
    const { server } = await serve();
    await expect(startTestServer({ port: server.port })).rejects.toMatchObject({
      code: "EK_PORT_IN_USE",
      where: `127.0.0.1:${server.port}`,
    });
  });

  test("an address that is not ours is said so", async () => {
    await expect(startTestServer({ host: "203.0.113.77" })).rejects.toMatchObject({ code: "EK_SETTING_INVALID" });
  });

  test("sends its clients away when it stops", async () => {
    const one = await startTestServer();
    put(one.store, [CDS, "a"]);
    const talk = sotwAds(one.address);
    talk.say(ask({ node, typeUrl: CDS }));
    await talk.next();
    const stopped = one.server.stop(30_000);
    expect(await talk.failure()).toMatchObject({ code: status.UNAVAILABLE });
    await stopped;
    await until("no stream is left", () => one.server.clients().length === 0);
  });

  test("knows who its clients proved to be", async () => {
    const { address, server } = await serve({ identify: (call) => `peer of ${call.getPeer().split(":")[0]}` });
    const talk = sotwAds(address);
    talk.say(ask({ node, typeUrl: CDS }));
    await talk.next();
    expect(server.clients()[0]?.identity).toBe("peer of 127.0.0.1");
  });
});
