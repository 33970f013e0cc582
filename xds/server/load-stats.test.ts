import { status } from "@grpc/grpc-js";
import { afterEach, describe, expect, test } from "vitest";
import { ClusterStats } from "../../proto/generated/envoy/config/endpoint/v3/load_report.ts";
import { AggregatedDiscoveryServiceClient } from "../../proto/generated/envoy/service/discovery/v3/ads.ts";
import {
  DeltaDiscoveryRequest,
  type DeltaDiscoveryResponse,
} from "../../proto/generated/envoy/service/discovery/v3/discovery.ts";
import {
  LoadReportingServiceClient,
  LoadStatsRequest,
  type LoadStatsResponse,
} from "../../proto/generated/envoy/service/load_stats/v3/lrs.ts";
import { TYPE_URLS } from "../resources/resource.ts";
import { clusterLoadReports } from "./load-stats.ts";
import { affordableIntervalMs } from "./load-stats-service.ts";
import { plaintext, startTestServer, Talk, until } from "./test-server.ts";

type Deep = Parameters<typeof ClusterStats.fromPartial>[0];

function endpoint(address: string, port: number, figures: [inFlight: number, issued: number, errors: number]) {
  return {
    address: {
      address: {
        $case: "socketAddress" as const,
        socketAddress: { address, portSpecifier: { $case: "portValue" as const, portValue: port } },
      },
    },
    totalRequestsInProgress: BigInt(figures[0]),
    totalIssuedRequests: BigInt(figures[1]),
    totalErrorRequests: BigInt(figures[2]),
  };
}

function stats(clusterName: string, ...localities: ReturnType<typeof endpoint>[][]): ClusterStats {
  return ClusterStats.fromPartial({
    clusterName,
    loadReportInterval: { seconds: 1n, nanos: 500_000_000 },
    upstreamLocalityStats: localities.map((upstreamEndpointStats) => ({ upstreamEndpointStats })),
  } as Deep);
}

describe("clusterLoadReports", () => {
  test("one report for each cluster over its interval, with all of its endpoints", () => {
    const reports = clusterLoadReports("c", [
      stats("a", [endpoint("10.0.0.1", 80, [1, 10, 2])], [endpoint("fd00::1", 81, [0, 3, 0])]),
      stats("b", [endpoint("10.0.0.1", 80, [5, 6, 7])]),
    ]);
    const about = { client: "c", intervalMs: 1500 };
    expect(reports).toEqual([
      {
        ...about,
        cluster: "a",
        endpoints: [
          { endpointKey: "10.0.0.1:80", inFlight: 1, requests: 10, errors: 2 },
          { endpointKey: "[fd00::1]:81", inFlight: 0, requests: 3, errors: 0 },
        ],
      },
      { ...about, cluster: "b", endpoints: [{ endpointKey: "10.0.0.1:80", inFlight: 5, requests: 6, errors: 7 }] },
    ]);
  });

  test("a cluster without traffic is reported, too", () => {
    expect(clusterLoadReports("c", [stats("a"), stats("b", [])])).toEqual([
      { client: "c", cluster: "a", intervalMs: 1500, endpoints: [] },
      { client: "c", cluster: "b", intervalMs: 1500, endpoints: [] },
    ]);
  });

  test("a cluster goes by the name of its endpoints; those that share one are one", () => {
    const shared = [1, 2].map((number) => ({
      ...stats(`subset-${number}`, [endpoint("10.0.0.1", 80, [1, 10, 2])]),
      clusterServiceName: "workers",
    }));
    expect(clusterLoadReports("c", shared)).toMatchObject([
      { cluster: "workers", endpoints: [{ inFlight: 2, requests: 20, errors: 4 }] },
    ]);
  });

  test("the two hosts of one endpoint are one pod: their loads are summed up", () => {
    const reports = clusterLoadReports("c", [
      stats("a", [endpoint("10.0.0.1", 80, [1, 10, 2])], [endpoint("::ffff:10.0.0.1", 80, [2, 20, 1])]),
    ]);
    expect(reports).toMatchObject([
      { endpoints: [{ endpointKey: "10.0.0.1:80", inFlight: 3, requests: 30, errors: 3 }] },
    ]);
  });

  test("what cannot be used is left out", () => {
    const noInterval = { ...stats("a", [endpoint("10.0.0.1", 80, [1, 1, 1])]), loadReportInterval: undefined };
    const negative = { ...noInterval, loadReportInterval: { seconds: -1n, nanos: 0 } };
    const pipe = stats("a", [
      { ...endpoint("", 0, [1, 1, 1]), address: { address: { $case: "pipe", pipe: { path: "/s" } } } } as never,
    ]);
    expect(clusterLoadReports("c", [noInterval, negative, pipe])).toMatchObject([{ endpoints: [] }]);
  });
});

test("with many Envoys each is asked less often, so that reports stay within what they may cost", () => {
  expect([1, 50, 51, 500].map((envoys) => affordableIntervalMs(envoys, 100))).toEqual([100, 100, 200, 1600]);
  expect(affordableIntervalMs(500, 1000)).toBe(1000);
});

describe("the service", () => {
  const cleanups: (() => void | Promise<void>)[] = [];
  afterEach(async () => {
    for (const clean of cleanups.splice(0).reverse()) await clean();
  });

  async function serve(options: Parameters<typeof startTestServer>[0] = {}) {
    const one = await startTestServer(options);
    const client = new LoadReportingServiceClient(one.address, plaintext());
    cleanups.push(() => one.server.stop(500));
    cleanups.push(() => client.close());
    const talk = () => new Talk<LoadStatsRequest, LoadStatsResponse>(client.streamLoadStats());
    return { ...one, talk };
  }

  /** A stream that asks for resources, without which nobody is asked for loads. */
  function subscribe({ address }: { address: string }, id: string, typeUrl: string, names: readonly string[]) {
    const client = new AggregatedDiscoveryServiceClient(address, plaintext());
    cleanups.push(() => client.close());
    const stream = new Talk<DeltaDiscoveryRequest, DeltaDiscoveryResponse>(client.deltaAggregatedResources());
    stream.say(DeltaDiscoveryRequest.fromPartial({ node: { id }, typeUrl, resourceNamesSubscribe: [...names] }));
    return stream;
  }

  test("asks for loads by endpoint, hands reports on, and says when a client is gone", async () => {
    const served = await serve({ reportIntervalMs: 2500 });
    const { talk, reports, gone, metric } = served;
    subscribe(served, "envoy-1", TYPE_URLS.cluster, []);
    subscribe(served, "envoy-1", TYPE_URLS.endpoints, ["a"]);
    const [one, other] = [talk(), talk()];
    for (const stream of [one, other]) stream.say(LoadStatsRequest.fromPartial({ node: { id: "envoy-1" } }));
    for (const stream of [one, other])
      expect(await stream.next()).toEqual({
        clusters: ["a"],
        sendAllClusters: false,
        loadReportingInterval: { seconds: 2n, nanos: 500_000_000 },
        reportEndpointGranularity: true,
      });
    for (const stream of [one, other])
      stream.say(
        LoadStatsRequest.fromPartial({ clusterStats: [stats("a", [endpoint("10.0.0.1", 80, [1, 10, 2])])] } as never),
      );
    await until("both have reported", () => reports.length === 2);
    expect(new Set(reports.map(({ client }) => client)).size).toBe(2);
    expect(await metric("evenkeel_xds_load_reports_total")).toBe(2);
    one.hangUp();
    await until("its end is told", () => gone.length === 1);
    expect(reports.map(({ client }) => client)).toContain(gone[0]);
  });

  test("an Envoy reports on what it asks for, also later, and on nothing that another asks for", async () => {
    const served = await serve();
    const gateway = served.talk();
    gateway.say(LoadStatsRequest.fromPartial({ node: { id: "gateway" } }));
    subscribe(served, "another", TYPE_URLS.endpoints, ["c"]);
    subscribe(served, "gateway", TYPE_URLS.endpoints, ["a"]);
    expect((await gateway.next()).clusters).toEqual(["a"]);
    const second = subscribe(served, "gateway", TYPE_URLS.endpoints, ["b"]);
    expect(new Set((await gateway.next()).clusters)).toEqual(new Set(["a", "b"]));
    second.hangUp();
    expect((await gateway.next()).clusters).toEqual(["a"]);
  });

  test("a client must say who it is", async () => {
    const { talk, gone } = await serve();
    const stream = talk();
    stream.say(LoadStatsRequest.fromPartial({}));
    expect(await stream.failure()).toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(gone).toEqual([]);
  });
});
