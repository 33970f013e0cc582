import { credentials, type ServiceError } from "@grpc/grpc-js";
import { pino } from "pino";
import { createObject, mergePatch, patchStatus } from "../../common/kubernetes/apply.ts";
import { connectKubernetes, type KubeClient } from "../../common/kubernetes/client.ts";
import { RESOURCES } from "../../common/kubernetes/resource-type.ts";
import { ExternalScalerClient, type ScaledObjectRef } from "../../proto/generated/externalscaler/externalscaler.ts";
import { ownCapacity } from "../../xds/scaler/capacity.ts";
import { PostureCluster } from "../../xds/scaler/cluster.ts";
import { NodeCpu, WINDOW_MS } from "../../xds/scaler/node-cpu.ts";
import { ReleaseDesk } from "../../xds/scaler/release-desk.ts";
import { startScalerServer } from "../../xds/scaler/server.ts";
import { startNats } from "../../xds/scaler/waiting/nats-under-test.ts";
import { WaitingImages } from "../../xds/scaler/waiting/waiting.ts";
import { startApiServer } from "../rig/api-server.ts";
import { percentile, printTable, round } from "./figures.ts";

const NODES = 100;
const TRIGGERS = 10;
const POLLS = 200;
const WARM_UP = 20;
const METRIC = "available_node_count_30s";

interface Figures {
  readonly pollsMs: readonly number[];
  /** Of both sides, scaler and caller, for one poll. */
  readonly cpuMs: number;
  /** Questions to the broker for one poll. */
  readonly brokerRequests: number;
}

/**
 * What one KEDA poll of ten triggers costs (GetMetricSpec, GetMetrics and IsActive of each): a real API server with 100
 * eligible nodes that is watched, a real broker that is asked, gRPC over loopback.
 */
export async function run(json: boolean): Promise<void> {
  const progress = (line: string) => console.error(`· ${line}`);
  progress("starting an API server and a broker");
  const server = await startApiServer({ onProgress: progress });
  const nats = await startNats();
  const client = connectKubernetes({ kubeconfig: server.kubeconfig, context: "" });
  const log = pino({ level: "silent" });
  try {
    progress(`creating ${NODES} nodes`);
    const names = Array.from({ length: NODES }, (_, index) => `node-${index}`);
    for (const name of names) await addNode(client, name);
    const cluster = new PostureCluster(client, "posture", log);
    await Promise.all([cluster.nodes.whenSynced, cluster.pods.whenSynced]);
    const cpu = new NodeCpu();
    for (const name of names)
      cpu.record(name, { source: "agent", utilisation: 0.2, atMs: performance.now(), overMs: WINDOW_MS });
    const broker = { host: "127.0.0.1", port: nats.mqttPort };
    const waiting = new WaitingImages({ url: nats.url, broker, deadlineMs: 20_000, log });
    const capacity = ownCapacity(cluster, cpu, { threshold: 0.7, maxAgeMs: 600_000 }, () => "");
    const keda = await startScalerServer({
      desk: new ReleaseDesk({ capacity, waiting }),
      defaults: { metricName: METRIC, threshold: 0.7 },
      pushMs: 2000,
      log,
      onCall: () => undefined,
      host: "127.0.0.1",
      port: 0,
      tls: undefined,
      ready: () => true,
    });
    progress(`${POLLS} polls`);
    const figures = await measure(`127.0.0.1:${keda.port}`, nats.url);
    await keda.stop(1000);
    await cluster.close();
    report(json, figures);
  } finally {
    client.close();
    await nats.stop();
    await server.stop();
  }
}

async function addNode(client: KubeClient, name: string): Promise<void> {
  const labels = { "posture/eligible": "true" };
  await createObject(client, { apiVersion: "v1", kind: "Node", metadata: { name, labels } }, "bench");
  const conditions = [{ type: "Ready", status: "True", reason: "Bench", message: "" }];
  const target = { resource: RESOURCES.nodes, name };
  await patchStatus(client, target, { capacity: { cpu: "4" }, conditions }, "bench");
  // Nobody else takes the taint of a new node away here.
  await mergePatch(client, target, { spec: { taints: null } }, "bench");
}

async function measure(address: string, natsUrl: string): Promise<Figures> {
  const client = new ExternalScalerClient(address, credentials.createInsecure());
  const triggers = Array.from({ length: TRIGGERS }, (_, index) => triggerOf(index));
  for (let poll = 0; poll < WARM_UP; poll += 1) await pollOnce(client, triggers);
  const before = await brokerRequests(natsUrl);
  const cpu = process.cpuUsage();
  const pollsMs: number[] = [];
  for (let poll = 0; poll < POLLS; poll += 1) {
    const began = performance.now();
    await pollOnce(client, triggers);
    pollsMs.push(performance.now() - began);
  }
  const { user, system } = process.cpuUsage(cpu);
  client.close();
  return {
    pollsMs,
    cpuMs: (user + system) / 1000 / POLLS,
    brokerRequests: ((await brokerRequests(natsUrl)) - before) / POLLS,
  };
}

function triggerOf(index: number): ScaledObjectRef {
  const scalerMetadata = { metricName: METRIC, cpuThreshold: "0.70", mqttTopic: `images/${index}/#` };
  return { name: `posture-analyzer-job-${index}`, namespace: "posture", scalerMetadata };
}

/** As KEDA does it: each ScaledJob by itself, its calls one after the other. */
async function pollOnce(client: ExternalScalerClient, triggers: readonly ScaledObjectRef[]): Promise<void> {
  await Promise.all(
    triggers.map(async (ref) => {
      await call((done) => client.getMetricSpec(ref, done));
      await call((done) => client.getMetrics({ scaledObjectRef: ref, metricName: METRIC }, done));
      await call((done) => client.isActive(ref, done));
    }),
  );
}

function call<T>(send: (done: (error: ServiceError | null, value: T) => void) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    send((error, value) => (error === null ? resolve(value) : reject(error)));
  });
}

async function brokerRequests(url: string): Promise<number> {
  const varz = (await (await fetch(`${url}/varz`)).json()) as { http_req_stats?: Record<string, number> };
  return varz.http_req_stats?.["/jsz"] ?? 0;
}

function report(json: boolean, { pollsMs, cpuMs, brokerRequests: asked }: Figures): void {
  const p50 = round(percentile(pollsMs, 0.5), 2);
  const p99 = round(percentile(pollsMs, 0.99), 2);
  printTable(
    [`one poll of ${TRIGGERS} triggers, ${NODES} nodes`, "figure"],
    [
      ["time, p50 (ms)", p50],
      ["time, p99 (ms)", p99],
      ["CPU of scaler and caller (ms)", round(cpuMs, 2)],
      ["requests to the broker, polls back to back", round(asked, 3)],
    ],
  );
  if (!json) return;
  console.log(
    JSON.stringify({
      triggers: TRIGGERS,
      nodes: NODES,
      polls: POLLS,
      poll_p50_ms: p50,
      poll_p99_ms: p99,
      cpu_ms_per_poll: round(cpuMs, 2),
      broker_requests_per_poll: round(asked, 3),
    }),
  );
}
