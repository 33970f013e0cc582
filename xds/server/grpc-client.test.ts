/** A second client that is not ours and not Envoy: gRPC's own xDS client, from its bootstrap file to a call that arrives. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, Server, ServerCredentials, type ServiceError } from "@grpc/grpc-js";
import { register } from "@grpc/grpc-js-xds";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Cluster, Cluster_DiscoveryType } from "../../proto/generated/envoy/config/cluster/v3/cluster.ts";
import { ClusterLoadAssignment } from "../../proto/generated/envoy/config/endpoint/v3/endpoint.ts";
import { Listener } from "../../proto/generated/envoy/config/listener/v3/listener.ts";
import { RouteConfiguration } from "../../proto/generated/envoy/config/route/v3/route.ts";
import { Router } from "../../proto/generated/envoy/extensions/filters/http/router/v3/router.ts";
import { HttpConnectionManager } from "../../proto/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";
import { plaintext, startTestServer, type TestServer, until } from "./test-server.ts";
import { CDS, EDS, encoded, LDS, RDS } from "./test-support.ts";

const SAY = "/test.Echo/Say";
const fromAds = { configSourceSpecifier: { $case: "ads" as const, ads: {} } };
const same = (bytes: Buffer) => bytes;

let folder: string;
let xds: TestServer;
const backends: Server[] = [];

beforeAll(async () => {
  xds = await startTestServer();
  folder = mkdtempSync(join(tmpdir(), "evenkeel-xds-"));
  const bootstrap = join(folder, "bootstrap.json");
  const xdsServer = {
    server_uri: xds.address,
    channel_creds: [{ type: "insecure" }],
    server_features: ["xds_v3"],
  };
  writeFileSync(
    bootstrap,
    JSON.stringify({ xds_servers: [xdsServer], node: { id: "grpc-js-1", cluster: "tests", locality: {} } }),
  );
  process.env.GRPC_XDS_BOOTSTRAP = bootstrap;
  register();
});

afterAll(async () => {
  for (const backend of backends) backend.forceShutdown();
  await xds.server.stop(500);
  rmSync(folder, { recursive: true });
});

/** A gRPC server that answers with its own name. Returns its port. */
async function backend(name: string): Promise<number> {
  const server = new Server();
  backends.push(server);
  const method = {
    path: SAY,
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  server.addService(
    { say: method },
    {
      say: (call: { request: Buffer }, done: (error: null, reply: Buffer) => void) =>
        done(null, Buffer.from(`${name} heard ${call.request}`)),
    },
  );
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
}

function endpoints(port: number) {
  const value = ClusterLoadAssignment.fromPartial({
    clusterName: "workers",
    endpoints: [
      {
        locality: { region: "r", zone: "z" },
        loadBalancingWeight: 1,
        lbEndpoints: [
          {
            loadBalancingWeight: 1,
            hostIdentifier: {
              $case: "endpoint",
              endpoint: {
                address: {
                  address: {
                    $case: "socketAddress",
                    socketAddress: { address: "127.0.0.1", portSpecifier: { $case: "portValue", portValue: port } },
                  },
                },
              },
            },
          },
        ],
      },
    ],
  });
  return encoded(EDS, "workers", ClusterLoadAssignment.encode(value).finish());
}

function cluster() {
  const value = Cluster.fromPartial({
    name: "workers",
    clusterDiscoveryType: { $case: "type", type: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: fromAds },
  });
  return encoded(CDS, "workers", Cluster.encode(value).finish());
}

function listener() {
  const manager = HttpConnectionManager.fromPartial({
    routeSpecifier: { $case: "rds", rds: { routeConfigName: "map", configSource: fromAds } },
    httpFilters: [
      {
        name: "router",
        configType: {
          $case: "typedConfig",
          typedConfig: {
            typeUrl: "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            value: Buffer.from(Router.encode(Router.fromPartial({})).finish()),
          },
        },
      },
    ],
  });
  const value = Listener.fromPartial({
    name: "echo",
    apiListener: {
      apiListener: {
        typeUrl:
          "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        value: Buffer.from(HttpConnectionManager.encode(manager).finish()),
      },
    },
  });
  return encoded(LDS, "echo", Listener.encode(value).finish());
}

function routes() {
  const value = RouteConfiguration.fromPartial({
    name: "map",
    virtualHosts: [
      {
        name: "all",
        domains: ["*"],
        routes: [
          {
            match: { pathSpecifier: { $case: "prefix", prefix: "" } },
            action: { $case: "route", route: { clusterSpecifier: { $case: "cluster", cluster: "workers" } } },
          },
        ],
      },
    ],
  });
  return encoded(RDS, "map", RouteConfiguration.encode(value).finish());
}

test("a call finds its way through listener, route, cluster and endpoints, and follows when they change", async () => {
  xds.store.apply({ upsert: [listener(), routes(), cluster(), endpoints(await backend("one"))], remove: [] });
  const client = new Client("xds:///echo", plaintext());
  const say = () =>
    new Promise<string>((resolve, reject) => {
      client.makeUnaryRequest(
        SAY,
        same,
        same,
        Buffer.from("hello"),
        { deadline: Date.now() + 30_000 },
        (error: ServiceError | null, reply?: Buffer) => (error === null ? resolve(String(reply)) : reject(error)),
      );
    });
  try {
    expect(await say()).toBe("one heard hello");
    await until("it has accepted all four types", () => {
      const types = xds.server.clients()[0]?.types ?? [];
      return types.length === 4 && types.every(({ state }) => state === "synced");
    });
    expect(xds.server.clients()).toMatchObject([{ nodeId: "grpc-js-1", service: "ads", protocol: "sotw" }]);
    expect(xds.demand.subscribers(EDS, "workers")).toBe(1);

    xds.store.apply({ upsert: [endpoints(await backend("two"))], remove: [] });
    await until("calls go to the new endpoint", async () => (await say()) === "two heard hello");
  } finally {
    client.close();
  }
});
