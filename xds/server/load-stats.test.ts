import { connect } from "node:http2";
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
  LoadReportingServiceService,
  LoadStatsRequest,
  LoadStatsResponse,
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

  test.each<[string, Partial<Record<"seconds" | "nanos", bigint | number>>, number]>([
    ["a nanosecond", { seconds: 0n, nanos: 1 }, 10],
    ["ages", { seconds: 2n ** 62n, nanos: 0 }, 3_600_000],
  ])("an interval of %s counts as one that an Envoy can have", (_what, loadReportInterval, intervalMs) => {
    const told = { ...stats("a"), loadReportInterval } as ClusterStats;
    expect(clusterLoadReports("c", [told])).toMatchObject([{ intervalMs }]);
  });

  test("counts that no Envoy has are cut, so that sums of them are exact", () => {
    const [report] = clusterLoadReports("c", [stats("a", [endpoint("10.0.0.1", 80, [2 ** 60, 2 ** 60, 2 ** 60])])]);
    const most = 2 ** 24;
    expect(report?.endpoints).toEqual([{ endpointKey: "10.0.0.1:80", inFlight: most, requests: most, errors: most }]);
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

  test("what a client tells of clusters that it was not asked for is passed over", async () => {
    const served = await serve();
    const stream = served.talk();
    const told = (...names: string[]) =>
      stream.say(
        LoadStatsRequest.fromPartial({ node: { id: "envoy-1" }, clusterStats: names.map((name) => stats(name)) }),
      );
    told("early");
    subscribe(served, "envoy-1", TYPE_URLS.endpoints, ["a"]);
    await stream.next();
    told("made up");
    told("b", "a");
    await until("its last report is taken in", () => served.reports.some(({ cluster }) => cluster === "a"));
    expect(served.reports).toMatchObject([{ cluster: "a" }]);
    expect(await served.metric("evenkeel_xds_load_reports_total")).toBe(1);
  });

  test("for a client that does not read, the newest wish waits and not all of them", async () => {
    const served = await serve();
    const client = readsLater(served.address);
    client.say(LoadStatsRequest.fromPartial({ node: { id: "gateway" } }));
    // More than flow control lets go at once.
    const names = Array.from({ length: 200 }, (_, index) => `${index}-${"x".repeat(1000)}`);
    subscribe(served, "gateway", TYPE_URLS.endpoints, names);
    const pause = () => new Promise((resolve) => setTimeout(resolve, 200));
    await until("the first names are asked for", () => served.demand.names(TYPE_URLS.endpoints).size === 200);
    await pause();
    for (const name of ["a", "b", "c"]) {
      subscribe(served, "gateway", TYPE_URLS.endpoints, [name]);
      await until("one more is asked for", () => served.demand.subscribers(TYPE_URLS.endpoints, name) === 1);
      await pause();
    }
    const came = client.read();
    await until("the newest wish has come", () => came.at(-1)?.length === 203);
    expect(came.length).toBeLessThanOrEqual(2);
  });

  /** A bare HTTP/2 client (that of grpc-js reads ahead), which reads nothing until it is told to. */
  function readsLater(address: string) {
    const session = connect(`http://${address}`);
    cleanups.push(() => session.destroy());
    const { path } = LoadReportingServiceService.streamLoadStats;
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.on("error", () => undefined);
    return {
      say(request: LoadStatsRequest) {
        const bytes = LoadStatsRequest.encode(request).finish();
        const head = Buffer.alloc(5);
        head.writeUInt32BE(bytes.length, 1);
        stream.write(Buffer.concat([head, bytes]));
      },
      /** The clusters of each response. */
      read(): string[][] {
        const came: string[][] = [];
        let bytes = Buffer.alloc(0);
        stream.on("data", (chunk: Buffer) => {
          bytes = Buffer.concat([bytes, chunk]);
          while (bytes.length >= 5) {
            const end = 5 + bytes.readUInt32BE(1);
            if (bytes.length < end) return;
            came.push(LoadStatsResponse.decode(bytes.subarray(5, end)).clusters);
            bytes = bytes.subarray(end);
          }
        });
        return came;
      },
    };
  }

  test("a client must say who it is", async () => {
    const { talk, gone } = await serve();
    const stream = talk();
    stream.say(LoadStatsRequest.fromPartial({}));
    expect(await stream.failure()).toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(gone).toEqual([]);
  });
});
