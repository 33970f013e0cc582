/** What people and their tools see of the server: client status, istioctl, health, reflection. */
import { createRequire } from "node:module";
import { join } from "node:path";
import {
  type GrpcObject,
  loadPackageDefinition,
  type ServiceClientConstructor,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { afterEach, describe, expect, test } from "vitest";
import { ClientResourceStatus } from "../../proto/generated/envoy/admin/v3/config_dump_shared.ts";
import { AggregatedDiscoveryServiceClient } from "../../proto/generated/envoy/service/discovery/v3/ads.ts";
import { DiscoveryRequest } from "../../proto/generated/envoy/service/discovery/v3/discovery.ts";
import {
  ClientConfig,
  ClientStatusDiscoveryServiceClient,
  ClientStatusRequest,
  type ClientStatusResponse,
  ConfigStatus,
} from "../../proto/generated/envoy/service/status/v3/csds.ts";
import {
  HealthClient,
  HealthCheckResponse_ServingStatus as Serving,
} from "../../proto/generated/grpc/health/v1/health.ts";
import { SYNCZ_TYPE } from "./syncz.ts";
import { plaintext, type SotwTalk, startTestServer, Talk, type TestServer, until } from "./test-server.ts";
import { CDS, EDS, put, resource } from "./test-support.ts";

const cleanups: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function serve(): Promise<TestServer> {
  const one = await startTestServer();
  cleanups.push(() => one.server.stop(500));
  return one;
}

function kept<C extends { close(): void }>(client: C): C {
  cleanups.push(() => client.close());
  return client;
}

const ads = (address: string): SotwTalk =>
  new Talk(kept(new AggregatedDiscoveryServiceClient(address, plaintext())).streamAggregatedResources());

const ISTIO_NODE = {
  id: "router~10.1.0.7~gateway-abc.shop~shop.svc.cluster.local",
  cluster: "gateway.shop",
  metadata: { CLUSTER_ID: "Kubernetes", NAMESPACE: "shop", ISTIO_VERSION: "1.30.0", LABELS: { app: "gateway" } },
};

/** One client with an accepted cluster set, refused endpoints of `a`, accepted ones of `b` and none of `none`. */
async function withClient(one: TestServer): Promise<void> {
  put(one.store, [CDS, "a"], [EDS, "a"]);
  const talk = ads(one.address);
  talk.say(DiscoveryRequest.fromPartial({ node: ISTIO_NODE, typeUrl: CDS }));
  const clusters = await talk.next();
  talk.say(DiscoveryRequest.fromPartial({ typeUrl: CDS, responseNonce: clusters.nonce }));
  const names = ["a", "b", "none"];
  talk.say(DiscoveryRequest.fromPartial({ typeUrl: EDS, resourceNames: names }));
  const refused = await talk.next();
  talk.say(
    DiscoveryRequest.fromPartial({
      typeUrl: EDS,
      resourceNames: names,
      responseNonce: refused.nonce,
      errorDetail: { message: "odd weights" },
    }),
  );
  put(one.store, [EDS, "b"]);
  const accepted = await talk.next();
  talk.say(DiscoveryRequest.fromPartial({ typeUrl: EDS, resourceNames: names, responseNonce: accepted.nonce }));
  await until("all is answered", () => one.server.clients()[0]?.types[1]?.ackedVersion === accepted.versionInfo);
}

describe("client status (CSDS)", () => {
  const question = (one: TestServer, request: Parameters<typeof ClientStatusRequest.fromPartial>[0]) => {
    const client = kept(new ClientStatusDiscoveryServiceClient(one.address, plaintext()));
    return new Promise<ClientStatusResponse>((resolve, reject) => {
      client.fetchClientStatus(ClientStatusRequest.fromPartial(request), (error, response) =>
        error === null ? resolve(response) : reject(error),
      );
    });
  };

  test("tells for each resource what was sent and what the client said", async () => {
    const one = await serve();
    await withClient(one);
    const { config } = await question(one, {});
    expect(config).toHaveLength(1);
    expect(config[0]?.node?.id).toBe(ISTIO_NODE.id);
    const [cluster, a, b, none] = config[0]?.genericXdsConfigs ?? [];
    expect(cluster).toMatchObject({
      typeUrl: CDS,
      name: "a",
      versionInfo: resource(CDS, "a").version,
      xdsConfig: { typeUrl: CDS },
      configStatus: ConfigStatus.SYNCED,
      clientStatus: ClientResourceStatus.ACKED,
      errorState: undefined,
    });
    expect(a).toMatchObject({
      typeUrl: EDS,
      name: "a",
      configStatus: ConfigStatus.ERROR,
      clientStatus: ClientResourceStatus.NACKED,
      errorState: { details: "odd weights" },
    });
    expect(b).toMatchObject({ name: "b", clientStatus: ClientResourceStatus.ACKED });
    expect(none).toMatchObject({ name: "none", versionInfo: "", clientStatus: ClientResourceStatus.DOES_NOT_EXIST });
    const { config: bare } = await question(one, { excludeResourceContents: true });
    expect(bare[0]?.genericXdsConfigs.every(({ xdsConfig }) => xdsConfig === undefined)).toBe(true);
  });

  test("matches clients by their ids, and says what it cannot match", async () => {
    const one = await serve();
    await withClient(one);
    const count = async (matchPattern: object, ignoreCase = false) =>
      (await question(one, { nodeMatchers: [{ nodeId: { matchPattern, ignoreCase } }] } as never)).config.length;
    expect(await count({ $case: "prefix", prefix: "router~" })).toBe(1);
    expect(await count({ $case: "contains", contains: "GATEWAY-ABC" })).toBe(0);
    expect(await count({ $case: "contains", contains: "GATEWAY-ABC" }, true)).toBe(1);
    expect(await count({ $case: "suffix", suffix: ".local" })).toBe(1);
    expect(await count({ $case: "exact", exact: "router" })).toBe(0);
    await expect(count({ $case: "safeRegex", safeRegex: { regex: ".*" } })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
  });

  test("answers each question of a stream", async () => {
    const one = await serve();
    const client = kept(new ClientStatusDiscoveryServiceClient(one.address, plaintext()));
    const talk = new Talk<ClientStatusRequest, ClientStatusResponse>(client.streamClientStatus());
    talk.say(ClientStatusRequest.fromPartial({}));
    expect((await talk.next()).config).toEqual([]);
    await withClient(one);
    talk.say(ClientStatusRequest.fromPartial({}));
    expect((await talk.next()).config).toHaveLength(1);
    talk.say(ClientStatusRequest.fromPartial({ nodeMatchers: [{ nodeMetadatas: [{}] }] } as never));
    expect(await talk.failure()).toMatchObject({ code: status.INVALID_ARGUMENT });
  });
});

test("istioctl proxy-status is answered with the state of each type, under the proxy's short name", async () => {
  const one = await serve();
  await withClient(one);
  const istioctl = ads(one.address);
  // istioctl sends the time as a nonce, and never accepts.
  const request = DiscoveryRequest.fromPartial({
    node: { id: "sidecar~10.1.0.9~test.default~default.svc.cluster.local" },
    typeUrl: SYNCZ_TYPE,
    responseNonce: "2026-10-01 12:00:00",
  });
  istioctl.say(request);
  const response = await istioctl.next();
  expect(response.typeUrl).toBe(SYNCZ_TYPE);
  expect(JSON.parse(response.controlPlane?.identifier ?? "")).toMatchObject({ Component: "evenkeel" });
  const configs = response.resources.map(({ typeUrl, value }) => {
    expect(typeUrl).toBe("type.googleapis.com/envoy.service.status.v3.ClientConfig");
    return ClientConfig.decode(value);
  });
  expect(configs).toHaveLength(1);
  expect(configs[0]?.node).toMatchObject({
    id: "gateway-abc.shop",
    metadata: { CLUSTER_ID: "Kubernetes", NAMESPACE: "shop", ISTIO_VERSION: "1.30.0" },
  });
  expect(configs[0]?.genericXdsConfigs).toMatchObject([
    { typeUrl: CDS, configStatus: ConfigStatus.SYNCED },
    { typeUrl: EDS, configStatus: ConfigStatus.ERROR, errorState: { details: "odd weights" } },
  ]);
  istioctl.say(request);
  expect((await istioctl.next()).nonce).not.toBe(response.nonce);
  expect(one.server.clients()).toHaveLength(1);
});

describe("health", () => {
  const check = (client: HealthClient, service: string) =>
    new Promise<number>((resolve, reject) => {
      client.check({ service }, (error: ServiceError | null, response) =>
        error === null ? resolve(response.status) : reject(error),
      );
    });

  test("is what the control plane says of itself", async () => {
    const one = await serve();
    const client = kept(new HealthClient(one.address, plaintext()));
    expect(await check(client, "")).toBe(Serving.SERVING);
    expect(await check(client, "envoy.service.discovery.v3.AggregatedDiscoveryService")).toBe(Serving.SERVING);
    one.setReady(false);
    expect(await check(client, "")).toBe(Serving.NOT_SERVING);
    await expect(check(client, "unknown")).rejects.toMatchObject({ code: status.NOT_FOUND });
  });

  test("can be watched", async () => {
    const one = await serve();
    const client = kept(new HealthClient(one.address, plaintext()));
    const told: number[] = [];
    const watch = client.watch({ service: "" });
    watch.on("data", (response: { status: number }) => told.push(response.status));
    watch.on("error", () => undefined);
    await until("it is told at once", () => told.length === 1);
    one.setReady(false);
    await until("the change is told", () => told.length === 2);
    expect(told).toEqual([Serving.SERVING, Serving.NOT_SERVING]);
    watch.cancel();
  });
});

describe("reflection", () => {
  interface ReflectionTalk {
    listServicesResponse?: { service: { name: string }[] };
    fileDescriptorResponse?: { fileDescriptorProto: Buffer[] };
  }

  /** As grpcurl does it, with the .proto file that comes with the package. */
  async function reflect(address: string, request: object): Promise<ReflectionTalk> {
    const require = createRequire(import.meta.url);
    const fromReflection = createRequire(require.resolve("@grpc/reflection"));
    const { loadSync } = fromReflection("@grpc/proto-loader") as {
      loadSync(path: string, options: object): Parameters<typeof loadPackageDefinition>[0];
    };
    const path = join(require.resolve("@grpc/reflection"), "../../proto/grpc/reflection/v1/reflection.proto");
    const grpc = loadPackageDefinition(loadSync(path, { keepCase: false }));
    const Reflection = (((grpc.grpc as GrpcObject).reflection as GrpcObject).v1 as GrpcObject)
      .ServerReflection as ServiceClientConstructor;
    const client = kept(new Reflection(address, plaintext()));
    const talk = new Talk<object, ReflectionTalk>(client.serverReflectionInfo?.());
    talk.say(request);
    return talk.next();
  }

  test("lists the services and describes them", async () => {
    const one = await serve();
    const listed = await reflect(one.address, { listServices: "*" });
    expect(listed.listServicesResponse?.service.map(({ name }) => name).sort()).toEqual([
      "envoy.service.cluster.v3.ClusterDiscoveryService",
      "envoy.service.discovery.v3.AggregatedDiscoveryService",
      "envoy.service.endpoint.v3.EndpointDiscoveryService",
      "envoy.service.listener.v3.ListenerDiscoveryService",
      "envoy.service.load_stats.v3.LoadReportingService",
      "envoy.service.route.v3.RouteDiscoveryService",
      "envoy.service.status.v3.ClientStatusDiscoveryService",
      "grpc.health.v1.Health",
    ]);
    const described = await reflect(one.address, {
      fileContainingSymbol: "envoy.service.discovery.v3.DiscoveryRequest",
    });
    const files = described.fileDescriptorResponse?.fileDescriptorProto ?? [];
    expect(files.some((file) => file.includes("envoy/service/discovery/v3/discovery.proto"))).toBe(true);
    expect(files.length).toBeGreaterThan(3);
  });
});
