import { connect } from "node:http2";
import { Client, type ClientDuplexStream, type ServiceError, status } from "@grpc/grpc-js";
import { afterEach, describe, expect, test, vi } from "vitest";
import { ClusterLoadAssignment } from "../../proto/generated/envoy/config/endpoint/v3/endpoint.ts";
import { AggregatedDiscoveryServiceClient } from "../../proto/generated/envoy/service/discovery/v3/ads.ts";
import {
  DeltaDiscoveryRequest,
  DiscoveryRequest,
  type DiscoveryResponse,
} from "../../proto/generated/envoy/service/discovery/v3/discovery.ts";
import { EndpointDiscoveryServiceClient } from "../../proto/generated/envoy/service/endpoint/v3/eds.ts";
import {
  type DeltaTalk,
  plaintext,
  type SotwTalk,
  startTestServer,
  Talk,
  type TestServer,
  until,
} from "./test-server.ts";
import { CDS, EDS, encoded, put } from "./test-support.ts";

const node = { id: "envoy-1" };
const SOTW_PATH = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
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

/** A stream of raw bytes both ways. */
function rawAds(address: string): { client: Client; call: ClientDuplexStream<Buffer, Buffer> } {
  const client = new Client(address, plaintext());
  cleanups.push(() => client.close());
  const same = (bytes: Buffer) => bytes;
  return { client, call: client.makeBidiStreamRequest(SOTW_PATH, same, same) };
}

/** The answer to a single question, or the error in its place. */
function fetchEndpoints(address: string, request: DiscoveryRequest): Promise<DiscoveryResponse | ServiceError> {
  const client = new EndpointDiscoveryServiceClient(address, plaintext());
  cleanups.push(() => client.close());
  return new Promise((resolve) => client.fetchEndpoints(request, (error, response) => resolve(error ?? response)));
}

/** Whether the server still answers others. */
async function stillServes({ address, store }: TestServer): Promise<void> {
  put(store, [CDS, "still here"]);
  const talk = sotwAds(address);
  talk.say(DiscoveryRequest.fromPartial({ node, typeUrl: CDS }));
  expect((await talk.next()).resources).toHaveLength(1);
  talk.hangUp();
}

describe("what no client should send", () => {
  test.each<[string, Buffer]>([
    ["bytes that are no protobuf", Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff])],
    [
      "a message that is cut off",
      Buffer.from(DiscoveryRequest.encode(DiscoveryRequest.fromPartial({ node, typeUrl: CDS })).finish()).subarray(
        0,
        -3,
      ),
    ],
    ["a length beyond the end", Buffer.from([0x12, 0x7f, 0x01])],
  ])("%s: the stream ends, the server stays", async (_what, bytes) => {
    const one = await serve();
    const raw: Talk<Buffer, Buffer> = new Talk(rawAds(one.address).call);
    raw.say(bytes);
    expect(await raw.failure()).toMatchObject({ code: status.INVALID_ARGUMENT });
    await stillServes(one);
    await until("no stream is left", async () => (await one.metric("evenkeel_xds_streams")) === 0);
  });

  test("a message beyond the size limit", async () => {
    const one = await serve();
    const talk = sotwAds(one.address);
    talk.say(DiscoveryRequest.fromPartial({ node, typeUrl: EDS, resourceNames: ["x".repeat(5 * 1024 * 1024)] }));
    expect(await talk.failure()).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    await stillServes(one);
  });

  test.each<[string, Parameters<typeof DiscoveryRequest.fromPartial>[0], string]>([
    ["no node", { typeUrl: CDS }, "node"],
    ["a node without an id", { node: { cluster: "front" }, typeUrl: CDS }, "node"],
    ["no type", { node }, "type_url"],
  ])("%s", async (_what, request, told) => {
    const one = await serve();
    const talk = sotwAds(one.address);
    talk.say(DiscoveryRequest.fromPartial(request));
    const error = await talk.failure();
    expect(error).toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(error.details).toContain(told);
    expect(await one.metric("evenkeel_xds_refused_streams_total", { code: "INVALID_ARGUMENT" })).toBe(1);
  });

  test("more names than the limit, in one request or in several", async () => {
    const one = await serve({ maxNames: 1000 });
    const names = Array.from({ length: 1000 }, (_, index) => `c${index}`);
    const talk = deltaAds(one.address);
    talk.say(DeltaDiscoveryRequest.fromPartial({ node, typeUrl: EDS, resourceNamesSubscribe: names }));
    expect((await talk.next()).removedResources).toHaveLength(1000);
    expect(one.demand.names(EDS).size).toBe(1000);
    talk.say(DeltaDiscoveryRequest.fromPartial({ typeUrl: EDS, resourceNamesSubscribe: ["one more"] }));
    const error = await talk.failure();
    expect(error).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect(error.details).toContain("at most 1000");
    await until("its names are given up", () => one.demand.names(EDS).size === 0);
    const again = sotwAds(one.address);
    again.say(DiscoveryRequest.fromPartial({ node, typeUrl: EDS, resourceNames: [...names, "one more"] }));
    expect(await again.failure()).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });

  test.each<[string, string[], string]>([
    ["a name without end", ["x".repeat(100_000)], "a name of 100000 characters"],
    ["more names than the limit", ["a", "b", "c", "d"], "at most 3"],
  ])("%s, on a stream or in a single question", async (_what, resourceNames, told) => {
    const one = await serve({ maxNames: 3 });
    const request = DiscoveryRequest.fromPartial({ node, typeUrl: EDS, resourceNames });
    const talk = sotwAds(one.address);
    talk.say(request);
    for (const error of [await talk.failure(), await fetchEndpoints(one.address, request)])
      expect(error).toMatchObject({ code: status.RESOURCE_EXHAUSTED, details: expect.stringContaining(told) });
    await stillServes(one);
  });

  test("the answer to a single question is not kept: it is made of the store each time", async () => {
    const one = await serve();
    put(one.store, [EDS, "a"]);
    const read = vi.spyOn(one.store, "get");
    const request = DiscoveryRequest.fromPartial({ resourceNames: ["a"] });
    for (const times of [1, 2]) {
      expect(await fetchEndpoints(one.address, request)).toMatchObject({ resources: [{ typeUrl: EDS }] });
      expect(read).toHaveBeenCalledTimes(times);
    }
  });

  test("a type that is not served is answered as empty, in both variants, and logged once", async () => {
    const one = await serve();
    const typeUrl = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
    const talk = sotwAds(one.address);
    talk.say(DiscoveryRequest.fromPartial({ node, typeUrl, resourceNames: ["cert"] }));
    const response = await talk.next();
    expect(response).toMatchObject({ typeUrl, resources: [] });
    expect(response.nonce).not.toBe("");
    talk.say(DiscoveryRequest.fromPartial({ typeUrl, resourceNames: ["cert"], responseNonce: response.nonce }));
    const delta = deltaAds(one.address);
    delta.say(DeltaDiscoveryRequest.fromPartial({ node, typeUrl, resourceNamesSubscribe: ["cert"] }));
    expect(await delta.next()).toMatchObject({ typeUrl, resources: [], removedResources: ["cert"] });
    expect(one.logged.filter((line) => line.typeUrl === typeUrl)).toHaveLength(1);
    expect(await one.metric("evenkeel_xds_responses_total", { type: "other" })).toBe(2);
  });
});

describe("a client that never reads", () => {
  test.each(["accepts all", "accepts nothing"])("and %s: one response waits, however much changes", async (kind) => {
    const one = await serve({ ackPatienceMs: 50 });
    const value = (priority: number) =>
      ClusterLoadAssignment.encode(
        ClusterLoadAssignment.fromPartial({
          clusterName: "a",
          endpoints: [{ priority, locality: { region: "r".repeat(200_000) } }],
        }),
      ).finish();
    const change = (round: number) => one.store.apply({ upsert: [encoded(EDS, "a", value(round))], remove: [] });
    change(0);
    const { say, hangUp } = neverReads(one.address);
    say({});
    await until(
      "the first response is on its way",
      async () => (await one.metric("evenkeel_xds_responses_total")) >= 1,
    );
    for (let round = 1; round <= 40; round += 1) {
      change(round);
      // It guesses the nonces that it does not read.
      if (kind === "accepts all")
        for (const nonce of [round, round + 1]) say({ responseNonce: `${noncePrefix(one)}.${nonce}` });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(one.server.clients()[0]?.nodeId).toBe("envoy-1");
    expect(await one.metric("evenkeel_xds_responses_total")).toBe(1);
    hangUp();
    await until("the stream is gone", () => one.server.clients().length === 0);
    expect(one.demand.names(EDS).size).toBe(0);
  });

  /** A bare HTTP/2 client (that of grpc-js reads ahead): flow control stops the server after 64 KiB. */
  function neverReads(address: string) {
    const session = connect(`http://${address}`);
    cleanups.push(() => session.destroy());
    const stream = session.request({
      ":method": "POST",
      ":path": SOTW_PATH,
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.on("error", () => undefined);
    return {
      say(more: Parameters<typeof DiscoveryRequest.fromPartial>[0]) {
        const request = DiscoveryRequest.fromPartial({ node, typeUrl: EDS, resourceNames: ["a"], ...more });
        const bytes = DiscoveryRequest.encode(request).finish();
        const head = Buffer.alloc(5);
        head.writeUInt32BE(bytes.length, 1);
        stream.write(Buffer.concat([head, bytes]));
      },
      hangUp: () => session.destroy(),
    };
  }

  function noncePrefix({ server }: TestServer): string {
    const nonce = server.clients()[0]?.types[0]?.sentNonce ?? "";
    return nonce.slice(0, nonce.lastIndexOf("."));
  }
});

test("100 connections that come and go leave nothing behind", async () => {
  const one = await serve();
  put(one.store, [EDS, "a"]);
  for (let round = 0; round < 100; round += 1) {
    const client = new AggregatedDiscoveryServiceClient(one.address, plaintext());
    const talk: SotwTalk = new Talk(client.streamAggregatedResources());
    talk.say(DiscoveryRequest.fromPartial({ node, typeUrl: EDS, resourceNames: ["a", `only ${round}`] }));
    await talk.next();
    talk.hangUp();
    client.close();
  }
  await until("no stream is left", async () => (await one.metric("evenkeel_xds_streams")) === 0);
  expect(one.server.clients()).toEqual([]);
  expect(one.demand.names(EDS).size).toBe(0);
});
