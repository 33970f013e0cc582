import { setTimeout as sleep } from "node:timers/promises";
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
/** Back to back: the count of images is fresh from the poll before. */
const WARM_POLLS = 200;
/** So far apart that it is not: as KEDA's are. */
const COLD_POLLS = 100;
const APART_MS = 1100;
const WARM_UP = 20;
const METRIC = "available_node_count_30s";

/** Of polls of one kind. */
interface Figures {
  readonly pollsMs: readonly number[];
  /** Of both sides, scaler and caller, for one poll. */
  readonly cpuMs: number;
  /** Questions to the broker for one poll. */
  readonly brokerRequests: number;
}

interface Measured {
  readonly cold: Figures;
  readonly warm: Figures;
}

/**
 * What one KEDA poll of ten triggers costs (GetMetricSpec, GetMetrics and IsActive of each): a real API server with 100
 * eligible nodes that is watched, a real broker that is asked, gRPC over loopback. KEDA's polls are 10 s apart, so the count of
 * waiting images is asked for anew; polls back to back show what the scaler itself takes.
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
    progress(`${COLD_POLLS} polls ${APART_MS} ms apart, ${WARM_POLLS} back to back`);
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

async function measure(address: string, natsUrl: string): Promise<Measured> {
  const client = new ExternalScalerClient(address, credentials.createInsecure());
  const triggers = Array.from({ length: TRIGGERS }, (_, index) => triggerOf(index));
  for (let poll = 0; poll < WARM_UP; poll += 1) await pollOnce(client, triggers);
  const cold = await measurePolls(client, triggers, natsUrl, COLD_POLLS, APART_MS);
  const warm = await measurePolls(client, triggers, natsUrl, WARM_POLLS, 0);
  client.close();
  return { cold, warm };
}

async function measurePolls(
  client: ExternalScalerClient,
  triggers: readonly ScaledObjectRef[],
  natsUrl: string,
  polls: number,
  apartMs: number,
): Promise<Figures> {
  const before = await brokerRequests(natsUrl);
  const pollsMs: number[] = [];
  let cpuMs = 0;
  for (let poll = 0; poll < polls; poll += 1) {
    if (apartMs > 0) await sleep(apartMs);
    const cpu = process.cpuUsage();
    const began = performance.now();
    await pollOnce(client, triggers);
    pollsMs.push(performance.now() - began);
    const { user, system } = process.cpuUsage(cpu);
    cpuMs += (user + system) / 1000;
  }
  const asked = (await brokerRequests(natsUrl)) - before;
  return { pollsMs, cpuMs: cpuMs / polls, brokerRequests: asked / polls };
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

function report(json: boolean, { cold, warm }: Measured): void {
  const quantile = ({ pollsMs }: Figures, share: number) => round(percentile(pollsMs, share), 2);
  const kinds = [cold, warm];
  printTable(
    [`one poll of ${TRIGGERS} triggers, ${NODES} nodes`, "as KEDA's, apart", "back to back"],
    [
      ["time, p50 (ms)", ...kinds.map((kind) => quantile(kind, 0.5))],
      ["time, p99 (ms)", ...kinds.map((kind) => quantile(kind, 0.99))],
      ["CPU of scaler and caller (ms)", ...kinds.map(({ cpuMs }) => round(cpuMs, 2))],
      ["requests to the broker", ...kinds.map(({ brokerRequests: asked }) => round(asked, 3))],
    ],
  );
  if (!json) return;
  const figures = (prefix: string, kind: Figures) => ({
    [`${prefix}polls`]: kind.pollsMs.length,
    [`${prefix}poll_p50_ms`]: quantile(kind, 0.5),
    [`${prefix}poll_p99_ms`]: quantile(kind, 0.99),
    [`${prefix}cpu_ms_per_poll`]: round(kind.cpuMs, 2),
    [`${prefix}broker_requests_per_poll`]: round(kind.brokerRequests, 3),
  });
  console.log(
    JSON.stringify({ triggers: TRIGGERS, nodes: NODES, ...figures("", cold), ...figures("back_to_back_", warm) }),
  );
}
