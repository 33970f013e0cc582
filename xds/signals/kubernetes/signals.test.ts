import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type KubeClient, kubeClient } from "../../../common/kubernetes/client.ts";
import { ManualWatched } from "../../fleet/kubernetes/manual-watched.ts";
import type { Node, Pod } from "../../fleet/kubernetes/objects.ts";
import { makeMesh } from "../../tls/test-support.ts";
import type { CpuSample, SignalSink } from "../signal.ts";
import { ManualFleet, testCluster, testEndpoint } from "../test-support.ts";
import { type KubernetesSignals, type KubernetesSignalsOptions, startKubernetesSignals } from "./signals.ts";

const LONG = { timeout: 20_000, interval: 10 };
const log = pino({ level: "silent" });
/** Another machine's clock, and ours: a figure that was written at this time is this old. */
const WALL_MS = Date.parse("2026-01-01T00:01:00Z");
const clocks = { nowMs: () => 500_000, wallMs: () => WALL_MS };

type Answer = { readonly code?: number; readonly body: string } | undefined;

let server: Server;
let url: string;
let client: KubeClient;
let answers: Record<string, () => Answer>;
let asked: string[];
let samples: Map<string, CpuSample[]>;
let signals: KubernetesSignals | undefined;
const fleet = new ManualFleet();
const sink: SignalSink = {
  recordCpu: (key, sample) => void samples.set(key, [...(samples.get(key) ?? []), sample]),
  recordLoad: () => undefined,
};
const watches = { pods: new ManualWatched<Pod>(), nodes: new ManualWatched<Node>() };

beforeEach(async () => {
  answers = {};
  asked = [];
  samples = new Map();
  server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const path = request.url?.split("?")[0] ?? "";
    asked.push(request.url ?? "");
    const answer = answers[path]?.();
    response.writeHead(answer?.code ?? (answer === undefined ? 404 : 200)).end(answer?.body ?? "404 page not found");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  client = kubeClient(() => {
    const config = new KubeConfig();
    config.loadFromClusterAndUser({ name: "c", server: url, skipTLSVerify: true }, { name: "u" });
    return config;
  });
  watches.nodes.put({ metadata: { name: "n1" }, status: { allocatable: { cpu: "4" } } });
  for (const [name, cpu] of [
    ["p1", "2"],
    ["p2", "500m"],
  ] as const)
    watches.pods.put({
      metadata: { name, namespace: "shop" },
      spec: { nodeName: "n1", containers: [{ resources: { limits: { cpu } } }] },
    });
  const pod = (name: string) => ({ pod: { namespace: "shop", name, node: "n1" } });
  fleet.set(
    testCluster("a", [testEndpoint(1, pod("p1")), testEndpoint(2, pod("p2"))]),
    testCluster("b", [testEndpoint(1, { ...pod("p1"), port: 81, key: "10.0.0.1:81" })]),
  );
});

afterEach(async () => {
  await signals?.close();
  client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function start(choice: KubernetesSignalsOptions["choice"], more: Partial<KubernetesSignalsOptions> = {}): void {
  const common = { client, fleet, sink, watches, kubeletAccess: "proxy", clocks, intervalMs: 20, log } as const;
  signals = startKubernetesSignals({ choice, ...common, ...more });
}

const source = (name: string) => signals?.sources().find((each) => each.source === name);
const last = (key: string) => samples.get(key)?.at(-1);

const METRICS = "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods";
const KUBELET = "/api/v1/nodes/n1/proxy/metrics/resource";

function podMetrics(...pods: [name: string, cpu: string, timestamp?: string, window?: string][]): Answer {
  const items = pods.map(([name, cpu, timestamp = "2026-01-01T00:00:45Z", window = "14.5s"]) => ({
    metadata: { name, namespace: "shop" },
    timestamp,
    window,
    containers: [{ usage: { cpu } }],
  }));
  return { body: JSON.stringify({ items }) };
}

test("the metrics API: usage by what the pod may use, as old and over as long as it says, for every endpoint of the pod", async () => {
  answers[METRICS] = () => podMetrics(["p1", "500m"], ["p2", "600000000n"], ["stranger", "1"]);
  start("metrics-api");
  await vi.waitFor(() => expect(source("metrics-api")?.state).toBe("ok"), LONG);
  const of = (utilisation: number) => ({ source: "metrics-api", utilisation, atMs: 500_000 - 15_000, overMs: 14_500 });
  expect(last("10.0.0.1:80")).toEqual(of(0.25));
  expect(last("10.0.0.1:81")).toEqual(of(0.25));
  expect(last("10.0.0.2:80")).toEqual(of(1));
  expect(samples.size).toBe(3);
  expect(source("metrics-api")?.detail).toBe("2 of 2 pods");
});

test("figures that make no sense go no further; the future counts as now, and a window that is none as the usual one", async () => {
  answers[METRICS] = () =>
    podMetrics(["p1", "-5m"], ["p1", "garbage"], ["p1", "1", "yesterday"], ["p2", "0", "2027-01-01T00:00:00Z", "soon"]);
  start("metrics-api");
  await vi.waitFor(
    () => expect(last("10.0.0.2:80")).toEqual({ source: "metrics-api", utilisation: 0, atMs: 500_000, overMs: 15_000 }),
    LONG,
  );
  expect(samples.size).toBe(1);
});

test("kubelets: rates between two counts, each with its own time and as long as it is between them", async () => {
  const counts = [
    { cpu: 100, at: WALL_MS - 30_000 },
    { cpu: 110, at: WALL_MS - 20_000 },
    // The same count again.
    { cpu: 110, at: WALL_MS - 20_000 },
    // The container was started anew.
    { cpu: 3, at: WALL_MS - 10_000 },
    { cpu: 4, at: WALL_MS },
  ];
  answers[KUBELET] = () => {
    const { cpu, at } =
      counts.length > 1 ? (counts.shift() as { cpu: number; at: number }) : (counts[0] as { cpu: number; at: number });
    return { body: `pod_cpu_usage_seconds_total{namespace="shop",pod="p1"} ${cpu} ${at}\n` };
  };
  start("kubelet");
  await vi.waitFor(() => expect(samples.get("10.0.0.1:80")?.length).toBe(2), LONG);
  expect(samples.get("10.0.0.1:80")).toEqual([
    { source: "kubelet", utilisation: 0.5, atMs: 480_000, overMs: 10_000 },
    { source: "kubelet", utilisation: 0.05, atMs: 500_000, overMs: 10_000 },
  ]);
  expect(source("kubelet")).toMatchObject({ state: "ok", detail: "1 of 2 pods" });
});

test("auto leaves the metrics API alone while every kubelet answers, and turns to it when they do not", async () => {
  let cpu = 0;
  let broken = false;
  answers[KUBELET] = () => {
    cpu += 1;
    if (broken) return { code: 500, body: "no" };
    return { body: `pod_cpu_usage_seconds_total{namespace="shop",pod="p1"} ${cpu} ${WALL_MS - 1e6 + cpu * 1000}\n` };
  };
  answers[METRICS] = () => podMetrics(["p1", "1"]);
  start("auto");
  await vi.waitFor(() => expect(source("kubelet")?.state).toBe("ok"), LONG);
  await vi.waitFor(() => expect(source("metrics-api")?.detail).toMatch(/fresher/), LONG);
  broken = true;
  await vi.waitFor(() => expect(source("kubelet")?.state).toBe("failing"), LONG);
  await vi.waitFor(() => expect(last("10.0.0.1:80")?.source).toBe("metrics-api"), LONG);
});

test("a kubelet that signs its certificate itself is told with the other ways to ask it; unchecked, it is read", async () => {
  const own = await makeMesh();
  const { certificate, key } = await own.leaf("kubelet", "IP:127.0.0.1");
  const counts = { cpu: 0 };
  const kubelet = createHttpsServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (_, response) => {
    counts.cpu += 1;
    const at = WALL_MS - 1e6 + counts.cpu * 1000;
    response.end(`pod_cpu_usage_seconds_total{namespace="shop",pod="p1"} ${counts.cpu} ${at}\n`);
  });
  try {
    await new Promise<void>((resolve) => kubelet.listen(0, "127.0.0.1", resolve));
    const { port } = kubelet.address() as AddressInfo;
    const status = {
      addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
      daemonEndpoints: { kubeletEndpoint: { Port: port } },
    };
    watches.nodes.put({ metadata: { name: "n1" }, status });
    const checking = kubeClient(() => {
      const config = new KubeConfig();
      config.loadFromClusterAndUser({ name: "c", server: "https://127.0.0.1:1", skipTLSVerify: false }, { name: "u" });
      return config;
    });
    try {
      start("kubelet", { client: checking, kubeletAccess: "direct" });
      const told = {
        state: "failing",
        detail: expect.stringMatching(/certificate/),
        next: expect.stringContaining("--kubelet-access=direct-insecure"),
      };
      await vi.waitFor(() => expect(source("kubelet")).toMatchObject(told), LONG);
      await signals?.close();
      start("kubelet", { client: checking, kubeletAccess: "direct-insecure" });
      await vi.waitFor(() => expect(source("kubelet")?.state).toBe("ok"), LONG);
    } finally {
      await signals?.close();
      checking.close();
    }
  } finally {
    kubelet.closeAllConnections();
    await new Promise((resolve) => kubelet.close(resolve));
    own.remove();
  }
});

test("what is forbidden or missing is told with what mends it", async () => {
  const message = 'nodes "n1" is forbidden: User "system:serviceaccount:ek:cp" cannot get resource "nodes/proxy"';
  answers[KUBELET] = () => ({ code: 403, body: JSON.stringify({ kind: "Status", message, reason: "Forbidden" }) });
  start("auto");
  await vi.waitFor(() => expect(source("kubelet")?.state).toBe("forbidden"), LONG);
  expect(source("kubelet")?.next).toBe(
    'bind system:serviceaccount:ek:cp to a ClusterRole with the rule {apiGroups: [""], resources: ["nodes/proxy"], verbs: ["get"]}',
  );
  await vi.waitFor(() => expect(source("metrics-api")?.state).toBe("missing"), LONG);
  expect(source("metrics-api")?.next).toMatch(/metrics-server/);
  // Neither is asked at the usual pace any more.
  const before = asked.length;
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(asked.length).toBe(before);
});

test("pods without a limit on nodes that cannot be read are told", async () => {
  watches.pods.put({ metadata: { name: "p1", namespace: "shop" }, spec: { containers: [{}] } });
  fleet.set(testCluster("a", [testEndpoint(1, { pod: { namespace: "shop", name: "p1", node: "unknown" } })]));
  answers[METRICS] = () => podMetrics(["p1", "1"]);
  start("metrics-api");
  await vi.waitFor(() => expect(source("metrics-api")).toMatchObject({ state: "failing" }), LONG);
  expect(source("metrics-api")?.next).toMatch(/resources: \["nodes"\]/);
  expect(samples.size).toBe(0);
});

test("without pods nothing is asked of kubelets; agent asks nobody", async () => {
  fleet.set(testCluster("a", [testEndpoint(1)]));
  start("kubelet");
  await vi.waitFor(() => expect(source("kubelet")?.detail).toMatch(/no pods/), LONG);
  await signals?.close();
  start("agent");
  expect(signals?.sources()).toEqual([]);
  expect(asked).toEqual([]);
});

const vector = (...series: [labels: Record<string, string>, value: string][]): Answer => ({
  body: JSON.stringify({
    status: "success",
    data: {
      resultType: "vector",
      result: series.map(([metric, value]) => ({ metric, value: [WALL_MS / 1000, value] })),
    },
  }),
});
const prometheus = (more: object = {}) =>
  ({ url: `${url}/prom/`, query: "up", unit: "cores", ageMs: 30_000, ...more }) as const;

test("Prometheus: cores by pod, or a share by instance, as old as the setting says", async () => {
  answers["/prom/api/v1/query"] = () =>
    vector(
      [{ namespace: "shop", pod: "p1" }, "1"],
      [{ instance: "10.0.0.2" }, "0.25"],
      [{ pod: "stranger" }, "1"],
      [{ instance: "10.0.0.1:81" }, "NaN"],
    );
  start("prometheus", { prometheus: prometheus() });
  const of = (utilisation: number) => ({ source: "prometheus", utilisation, atMs: 470_000, overMs: 30_000 });
  await vi.waitFor(() => expect(last("10.0.0.2:80")).toEqual(of(0.5)), LONG);
  expect(last("10.0.0.1:80")).toEqual(of(0.5));
  expect(samples.get("10.0.0.1:81")?.every(({ utilisation }) => utilisation === 0.5)).toBe(true);
  expect(asked[0]).toBe("/prom/api/v1/query?query=up");
  await signals?.close();
  samples.clear();
  start("prometheus", { prometheus: prometheus({ unit: "utilisation" }) });
  await vi.waitFor(() => expect(last("10.0.0.2:80")).toEqual(of(0.25)), LONG);
  await signals?.close();
  samples.clear();
  start("prometheus", { prometheus: prometheus({ ageMs: 0 }) });
  await vi.waitFor(() => expect(last("10.0.0.2:80")).toMatchObject({ atMs: 500_000, overMs: 15_000 }), LONG);
});

test.each<[string, Answer, RegExp]>([
  ["an error of the query", { code: 400, body: '{"status":"error","error":"parse error at char 3"}' }, /parse error/],
  ["no JSON", { body: "<html>" }, /HTTP 200/],
  ["a matrix", { body: '{"status":"success","data":{"resultType":"matrix","result":[]}}' }, /matrix/],
])("Prometheus: %s is told", async (_name, answer, detail) => {
  answers["/prom/api/v1/query"] = () => answer;
  start("prometheus", { prometheus: prometheus() });
  await vi.waitFor(
    () =>
      expect(source("prometheus")).toMatchObject({
        state: "failing",
        next: expect.stringContaining("--prometheus-url"),
      }),
    LONG,
  );
  expect(source("prometheus")?.detail).toMatch(detail);
});

test("Prometheus: series that are none are passed over", async () => {
  answers["/prom/api/v1/query"] = () => ({
    body: '{"status":"success","data":{"resultType":"vector","result":[7,null,{"metric":{}},{"metric":null,"value":[1,"1"]}]}}',
  });
  start("prometheus", { prometheus: prometheus() });
  await vi.waitFor(() => expect(source("prometheus")?.state).toBe("empty"), LONG);
});
