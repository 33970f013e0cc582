import { describe, expect, it } from "vitest";
import type { KubeClient } from "../../../common/kubernetes/client.ts";
import { testServer } from "../../../common/program/testing.ts";
import type { SourceStatus } from "../../signals/kubernetes/source-status.ts";
import type { CpuSource } from "../../signals/signal.ts";
import type { ClusterNode } from "../cluster.ts";
import { NodeCpu } from "../node-cpu.ts";
import { fleetOf } from "./agents.ts";
import { NodeKubelets, nodeCounter } from "./kubelet.ts";
import { readNodeMetrics } from "./metrics-api.ts";
import { NODE_QUERY, NODE_TIME_QUERY, readNodePrometheus } from "./prometheus.ts";
import { faultOf } from "./sources.ts";

const NOW = Date.parse("2026-01-01T00:01:00Z");
/** The monotonic clock began a minute before. */
const clocks = { nowMs: () => 60_000, wallMs: () => NOW };
const signal = new AbortController().signal;

const machine = (name: string, address: string, annotations: Record<string, string> = {}): ClusterNode => ({
  metadata: { name, labels: { "posture/eligible": "true" }, annotations },
  status: { capacity: { cpu: "4" }, addresses: [{ type: "InternalIP", address }] },
});
const nodes = [machine("a", "10.0.0.1"), machine("b", "10.0.0.2", { "evenkeel.io/agent-port": "9999" })];

/** A client that answers one request. */
const clientOf = (answer: unknown): KubeClient => ({
  server: "",
  namespace: "",
  json: async <T>() => answer as T,
  text: async () => String(answer),
  stream: () => Promise.reject(new Error("no streams here")),
  close: () => undefined,
});

describe("metrics API", () => {
  it("gives the share of all cores, with the age that the answer tells", async () => {
    const cpu = new NodeCpu();
    const item = { timestamp: "2026-01-01T00:00:50Z", window: "15.02s" };
    const items = [
      { ...item, metadata: { name: "a" }, usage: { cpu: "1000m" } },
      { ...item, metadata: { name: "b" }, usage: { cpu: "what" } },
      { ...item, metadata: { name: "unknown" }, usage: { cpu: "1" } },
    ];
    const status = await readNodeMetrics(clientOf({ items }), nodes, cpu, clocks, signal);
    expect(status).toMatchObject({ state: "ok", detail: "1 of 2 eligible nodes" });
    expect(cpu.get("a", 60_000, 60_000)).toEqual({ source: "metrics-api", utilisation: 0.25, ageMs: 10_000 });
    expect(cpu.get("b", 60_000, 60_000)).toBeUndefined();
  });
});

describe("kubelet", () => {
  const text = (seconds: number, wallMs: number) =>
    `# TYPE node_cpu_usage_seconds_total counter\nnode_cpu_usage_seconds_total ${seconds} ${wallMs}\n`;

  it("turns its counter into use", async () => {
    const cpu = new NodeCpu();
    let answer = text(100, NOW - 30_000);
    const kubelets = new NodeKubelets({ ...clientOf(""), text: async () => answer }, cpu, clocks);
    await kubelets.read([nodes[0] as ClusterNode], signal);
    expect(cpu.get("a", 60_000, 60_000)).toBeUndefined();
    answer = text(140, NOW - 10_000);
    await kubelets.read([nodes[0] as ClusterNode], signal);
    // 40 s of CPU in 20 s, on 4 cores.
    expect(cpu.get("a", 60_000, 60_000)).toEqual({ source: "kubelet", utilisation: 0.5, ageMs: 10_000 });
    answer = text(3, NOW);
    await kubelets.read([nodes[0] as ClusterNode], signal);
    expect(cpu.get("a", 60_000, 60_000)?.ageMs).toBe(10_000);
  });

  it("does not take the mean over a long silence for the last 30 s", async () => {
    const cpu = new NodeCpu();
    let answer = "";
    const kubelets = new NodeKubelets({ ...clientOf(""), text: async () => answer }, cpu, clocks);
    const read = async (seconds: number, wallMs: number, list = [nodes[0] as ClusterNode]) => {
      answer = text(seconds, wallMs);
      await kubelets.read(list, signal);
      return cpu.get("a", 60_000, 60_000)?.utilisation;
    };
    await read(100, NOW - 1_800_000);
    expect(await read(220, NOW - 61_000)).toBeUndefined();
    expect(await read(300, NOW)).toBeUndefined();
    // A node that was not eligible for a while begins anew.
    await read(300, NOW + 5000, []);
    expect(await read(400, NOW + 30_000)).toBeUndefined();
    // 60 s of CPU in 30 s, on 4 cores.
    expect(await read(460, NOW + 60_000)).toBe(0.5);
  });

  it("reads nothing out of nonsense, and one that does not answer leaves the others", async () => {
    expect(nodeCounter("node_cpu_usage_seconds_total nan", NOW)).toBeUndefined();
    expect(nodeCounter("pod_cpu_usage_seconds_total 3", NOW)).toBeUndefined();
    expect(nodeCounter("node_cpu_usage_seconds_total 3", NOW)).toEqual({ cpuSeconds: 3, wallMs: NOW });
    let asked = 0;
    const text = async () => {
      asked += 1;
      if (asked % 2 === 1) throw new Error("the kubelet is away");
      return "node_cpu_usage_seconds_total 3";
    };
    const kubelets = new NodeKubelets({ ...clientOf(""), text }, new NodeCpu(), clocks);
    expect(await kubelets.read(nodes, signal)).toMatchObject({ detail: "1 of 2 eligible nodes; the kubelet is away" });
    await expect(kubelets.read([nodes[0] as ClusterNode], signal)).rejects.toThrow("away");
  });
});

describe("Prometheus", () => {
  const vector = (values: Record<string, string>) =>
    JSON.stringify({
      status: "success",
      data: {
        resultType: "vector",
        result: Object.entries(values).map(([instance, value]) => ({
          metric: { instance },
          value: [NOW / 1000, value],
        })),
      },
    });

  it("asks with the query of the earlier system, and knows nodes by name and address", async () => {
    const asked: string[] = [];
    const url = await testServer((request, response) => {
      const query = new URL(request.url ?? "", "http://x").searchParams.get("query") ?? "";
      asked.push(query);
      const measured = { "10.0.0.1:9100": String(NOW / 1000 - 7), b: String(NOW / 1000 - 90) };
      response.end(
        query === NODE_TIME_QUERY ? vector(measured) : vector({ "10.0.0.1:9100": "0.6", b: "-0.01", c: "1" }),
      );
    });
    const cpu = new NodeCpu();
    const options = { url, query: NODE_QUERY, timeQuery: NODE_TIME_QUERY };
    const status = await readNodePrometheus(options, nodes, cpu, clocks, signal);
    expect(asked.toSorted()).toEqual([
      '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[30s]))',
      'max by (instance) (timestamp(node_cpu_seconds_total{mode="idle"}))',
    ]);
    expect(status).toMatchObject({ state: "ok", detail: "2 of 2 eligible nodes, out of 3 series" });
    expect(cpu.get("a", 60_000, 60_000)).toEqual({ source: "prometheus", utilisation: 0.6, ageMs: 7000 });
    // As old as it is, whenever it was asked for.
    expect(cpu.get("b", 60_000, 60_000)).toEqual({ source: "prometheus", utilisation: 0, ageMs: 90_000 });
  });

  it.each([
    ["no series is one of a node", { other: "0" }, { other: "0" }, "must be a node's name or address"],
    ["it scrapes too seldom for a rate over 30 s", {}, { a: "0" }, "every 15s at least"],
    ["it does not know the metric", {}, {}, "let it scrape the node exporters"],
  ])("says what to do when %s", async (_, use, times, next) => {
    const url = await testServer((request, response) => {
      const query = new URL(request.url ?? "", "http://x").searchParams.get("query");
      response.end(vector(query === NODE_TIME_QUERY ? times : use));
    });
    const options = { url, query: NODE_QUERY, timeQuery: NODE_TIME_QUERY };
    const status = await readNodePrometheus(options, nodes, new NodeCpu(), clocks, signal);
    expect(status).toMatchObject({ state: "empty", next: expect.stringContaining(next) });
  });

  it("fails with its own words, and when it does not answer", async () => {
    const url = await testServer((_, response) => {
      response.writeHead(400).end('{"status":"error","errorType":"bad_data","error":"unknown function"}');
    });
    const options = { url, query: NODE_QUERY, timeQuery: "" };
    await expect(readNodePrometheus(options, nodes, new NodeCpu(), clocks, signal)).rejects.toMatchObject({
      code: "EK_PROMETHEUS_FAILED",
      message: "unknown function",
    });
    const away = await testServer((request) => void request.socket.destroy());
    await expect(
      readNodePrometheus({ ...options, url: away }, nodes, new NodeCpu(), clocks, signal),
    ).rejects.toMatchObject({ code: "EK_PROMETHEUS_FAILED" });
  });
});

it("tells the faults of sources, and nothing of those that work or are not asked", () => {
  const status = (source: CpuSource, state: SourceStatus["state"]) => ({ source, state, detail: "so it is", next: "" });
  expect(faultOf([status("agent", "ok"), status("kubelet", "idle")])).toBe("");
  expect(faultOf([status("agent", "empty"), status("prometheus", "failing")])).toBe(
    "agent is empty: so it is; prometheus is failing: so it is",
  );
});

it("agents listen at the node's address, on the port of its annotation or the default one", () => {
  const agents = (port: number | undefined, list = nodes) =>
    fleetOf(list, port)
      .clusters.get("nodes")
      ?.endpoints.map(({ key, agent }) => `${key} ${agent?.address}:${agent?.port}`);
  expect(agents(9091)).toEqual(["a 10.0.0.1:9091", "b 10.0.0.2:9999"]);
  expect(agents(undefined)).toEqual(["b 10.0.0.2:9999"]);
  expect(agents(9091, [{ ...machine("c", "10.0.0.3"), metadata: { name: "c" } }])).toEqual([]);
});
