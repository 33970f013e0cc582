import { credentials } from "@grpc/grpc-js";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { applyObject, type Desired } from "../common/kubernetes/apply.ts";
import { connectKubernetes, type KubeClient } from "../common/kubernetes/client.ts";
import { ClusterLoadAssignment } from "../proto/generated/envoy/config/endpoint/v3/endpoint.ts";
import { AggregatedDiscoveryServiceClient } from "../proto/generated/envoy/service/discovery/v3/ads.ts";
import { DiscoveryRequest, type DiscoveryResponse } from "../proto/generated/envoy/service/discovery/v3/discovery.ts";
import { type ApiServer, startApiServer } from "../test/rig/api-server.ts";
import { startControlPlane } from "./control-plane.ts";
import { openKubernetes } from "./kubernetes-source.ts";
import { TYPE_URLS } from "./resources/resource.ts";

/** Programs that are not in the cache yet are built first. */
const BUILD_MS = 3_600_000;
const LONG = { timeout: 60_000, interval: 50 };
const WEB = "outbound|80||web.default.svc.cluster.local";
const log = pino({ level: "silent" });

let server: ApiServer;
let admin: KubeClient;

beforeAll(async () => {
  server = await startApiServer({ onProgress: (line) => process.stderr.write(`rig: ${line}\n`) });
  admin = connectKubernetes({ kubeconfig: server.kubeconfig, context: "" });
}, BUILD_MS);

afterAll(async () => {
  admin?.close();
  await server?.stop();
}, 60_000);

const write = (object: Desired) => applyObject(admin, object, { fieldManager: "test", force: true });

function slice(...addresses: string[]) {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "web-1", namespace: "default", labels: { "kubernetes.io/service-name": "web" } },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080 }],
    endpoints: addresses.map((address) => ({
      addresses: [address],
      nodeName: "nowhere",
      targetRef: { kind: "Pod", namespace: "default", name: "web-0" },
    })),
  };
}

const options = {
  context: "",
  namespace: "",
  fleetFile: "",
  kubeletAccess: "proxy",
  prometheus: undefined,
  log,
} as const;
const ports = {
  host: "127.0.0.1",
  xdsPort: 0,
  httpHost: "127.0.0.1",
  httpPort: 0,
  loadReportIntervalMs: 1000,
} as const;

test("a client that asks for an Istio cluster gets a Service's endpoints, and each change", async () => {
  const service = { ports: [{ name: "http", port: 80 }] };
  await write({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "default" },
    ...{ spec: service },
  });
  await write(slice("10.0.0.1"));
  const { source, attach } = openKubernetes({
    ...options,
    kubeconfig: server.kubeconfig,
    services: new Map(),
    signals: "auto",
  });
  const controlPlane = await startControlPlane({ source, attach, ...ports, settleTimeoutMs: 100, log });
  const client = new AggregatedDiscoveryServiceClient(
    `127.0.0.1:${controlPlane.xdsPort}`,
    credentials.createInsecure(),
  );
  const stream = client.streamAggregatedResources();
  let told: string[] = [];
  stream.on("error", () => undefined);
  stream.on("data", (response: DiscoveryResponse) => {
    // The first answer may come before the Service is read.
    told = response.resources.map(({ value }) =>
      ClusterLoadAssignment.decode(value)
        .endpoints.flatMap(({ lbEndpoints }) => lbEndpoints)
        .map(({ hostIdentifier }) => JSON.stringify(hostIdentifier))
        .join(),
    );
    stream.write(ask({ versionInfo: response.versionInfo, responseNonce: response.nonce }));
  });
  const ask = (more: Partial<DiscoveryRequest>) =>
    DiscoveryRequest.fromPartial({
      typeUrl: TYPE_URLS.endpoints,
      resourceNames: [WEB],
      node: { id: "gateway" },
      ...more,
    });
  stream.write(ask({}));
  await vi.waitFor(() => expect(told.join()).toMatch(/10\.0\.0\.1/), LONG);
  await write(slice("10.0.0.1", "10.0.0.2"));
  await vi.waitFor(() => expect(told.join()).toMatch(/10\.0\.0\.1.*10\.0\.0\.2/), LONG);
  // No kubelet and no metrics-server here: both are said, with what mends it.
  await vi.waitFor(async () => {
    const sources = await (await fetch(`http://127.0.0.1:${controlPlane.httpPort}/signals`)).json();
    expect(sources).toMatchObject([
      { source: "kubelet", state: "failing" },
      { source: "metrics-api", state: "missing", next: expect.stringContaining("metrics-server") },
    ]);
  }, LONG);
  stream.cancel();
  client.close();
  await controlPlane.stop();
}, 180_000);

test("while the cluster is away the control plane says so and can be ended", async () => {
  await server.killApiServer();
  const ending = new AbortController();
  const { source, attach } = openKubernetes({
    ...options,
    kubeconfig: server.kubeconfig,
    services: new Map(),
    signals: "agent",
  });
  const starting = startControlPlane({ source, attach, ...ports, settleTimeoutMs: 100, log, signal: ending.signal });
  await vi.waitFor(() => expect(source.fault()).toMatch(/EK_KUBE_UNREACHABLE/), LONG);
  ending.abort();
  const controlPlane = await starting;
  expect(controlPlane.xdsPort).toBe(0);
  await controlPlane.stop();
}, 120_000);

test("a fleet file names its Services itself", () => {
  const services = new Map([["web", { namespace: "default", service: "web", port: 80, subset: "" }]]);
  const open = () =>
    openKubernetes({ ...options, kubeconfig: server.kubeconfig, services, signals: "agent", fleetFile: "fleet.yaml" });
  expect(open).toThrow(/--service and --fleet/);
});
