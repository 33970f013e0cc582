/** Controller, scaler and manifests with a real API server and a real broker; only KEDA's poll and Prometheus are played. */
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { credentials, status as grpcStatus, type ServiceError } from "@grpc/grpc-js";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { apply } from "../../cli/posture/apply.ts";
import { APPLY, type ApplySettings } from "../../cli/posture/settings.ts";
import { status } from "../../cli/posture/status.ts";
import { stop } from "../../cli/posture/stop.ts";
import { deleteObject, getObject, mergePatch, patchStatus } from "../../common/kubernetes/apply.ts";
import { connectKubernetes, type KubeClient } from "../../common/kubernetes/client.ts";
import { listAll } from "../../common/kubernetes/list.ts";
import type { KubeObject } from "../../common/kubernetes/object.ts";
import { RESOURCES } from "../../common/kubernetes/resource-type.ts";
import { type Command, loadSettings, type Settings, type Values } from "../../common/settings.ts";
import { ExternalScalerClient, type IsActiveResponse } from "../../proto/generated/externalscaler/externalscaler.ts";
import { type ApiServer, startApiServer } from "../../test/rig/api-server.ts";
import { platformCache } from "../../test/rig/cache.ts";
import { established } from "../../test/rig/established.ts";
import { moduleFile } from "../../test/rig/programs/build.ts";
import { KEDA_MODULE, RECIPES, type Recipe } from "../../test/rig/programs/recipes.ts";
import { type Connection, openConnection } from "../../workloads/analyzer/mqtt/connection.ts";
import type { CapacityView } from "../../xds/scaler/capacity.ts";
import { type Scaler, startScaler } from "../../xds/scaler/scaler.ts";
import { SCALER } from "../../xds/scaler/settings.ts";
import { type NatsUnderTest, startNats } from "../../xds/scaler/waiting/nats-under-test.ts";
import { runPostureController } from "./main.ts";
import { POSTURE_CONTROLLER } from "./settings.ts";

/** Programs that are not in the cache yet are built first. */
const BUILD_MS = 3_600_000;
const LONG = { timeout: 60_000, interval: 100 };
vi.setConfig({ testTimeout: 240_000 });

const NAMESPACE = "posture";
const METRIC = "available_node_count_30s";
const log = pino({ level: "silent" });

let server: ApiServer;
let client: KubeClient;
let nats: NatsUnderTest;
let prometheus: Server;
let scaler: Scaler;
let keda: ExternalScalerClient;
let controllerUrl: string;
const ending = new AbortController();
let controller: Promise<void> = Promise.resolve();

/** Utilisation by node, as Prometheus has it; undefined: it does not answer. */
let use: Record<string, number> | undefined = {};

function settingsOf<S extends Settings>(command: Command<S>, args: readonly string[]): Values<S> {
  const loaded = loadSettings(command, args, {});
  if (loaded.kind === "help") throw new Error("help");
  return loaded.values;
}

const node = (name: string) => ({ resource: RESOURCES.nodes, name });

async function addNode(name: string, labels: Record<string, string>): Promise<void> {
  const body = { apiVersion: "v1", kind: "Node", metadata: { name, labels } };
  await client.json({ verb: "create", target: { resource: RESOURCES.nodes }, body });
  const conditions = [{ type: "Ready", status: "True", reason: "Test", message: "" }];
  await patchStatus(client, node(name), { capacity: { cpu: "4", pods: "10" }, conditions }, "test");
  // Nobody else takes the taint of a new node away here.
  await mergePatch(client, node(name), { spec: { taints: null } }, "test");
}

async function labelsOf(name: string): Promise<Readonly<Record<string, string>>> {
  return (await getObject<KubeObject>(client, node(name)))?.metadata.labels ?? {};
}

async function addPod(job: string, nodeName: string): Promise<void> {
  const labels = { app: "posture-analyzer", "scaledjob.keda.sh/name": job };
  const metadata = { name: `${job}-pod`, namespace: NAMESPACE, labels };
  const spec = { nodeName, containers: [{ name: "analyzer", image: "none" }] };
  const target = { resource: RESOURCES.pods, namespace: NAMESPACE };
  await client.json({ verb: "create", target, body: { apiVersion: "v1", kind: "Pod", metadata, spec } });
}

async function removePod(job: string): Promise<void> {
  await server.kubectl(["delete", "pod", `${job}-pod`, "-n", NAMESPACE, "--force", "--grace-period=0"]);
}

function connect(clientId: string, onMessage: (acknowledge: () => void) => void, clean = false): Promise<Connection> {
  return openConnection({
    host: "127.0.0.1",
    port: nats.mqttPort,
    clientId,
    clean,
    onMessage: (message) => onMessage(() => message.acknowledge()),
  });
}

async function publish(topic: string): Promise<void> {
  const camera = await connect("camera", () => undefined, true);
  await camera.publish(topic, Buffer.from("image"));
  await camera.close();
}

/** Takes what waits for an analyser. */
async function drain(job: string, count: number): Promise<void> {
  let taken = 0;
  const analyser = await connect(job, (acknowledge) => {
    acknowledge();
    taken += 1;
  });
  await vi.waitFor(() => expect(taken).toBe(count), LONG);
  await analyser.close();
}

interface ScaledJob extends KubeObject {
  readonly spec: { readonly triggers: readonly [{ readonly metadata: Record<string, string> }] };
}

/** What KEDA asks for one ScaledJob. */
async function askFor({ metadata, spec }: ScaledJob): Promise<boolean> {
  const ref = { name: metadata.name, namespace: NAMESPACE, scalerMetadata: spec.triggers[0].metadata };
  const { result } = await new Promise<IsActiveResponse>((resolve, reject) => {
    keda.isActive(ref, (error: ServiceError | null, value) => (error === null ? resolve(value) : reject(error)));
  });
  return result;
}

/** One poll of all ScaledJobs that the cluster holds. @returns the numbers of those that may start */
async function poll(): Promise<string> {
  const { items } = await listAll<ScaledJob>(client, { resource: RESOURCES.scaledJobs, namespace: NAMESPACE });
  const active = await Promise.all(items.map(async (job) => ((await askFor(job)) ? [job.metadata.name] : [])));
  return active
    .flat()
    .map((name) => name.replace("posture-analyzer-job-", ""))
    .toSorted()
    .join(" ");
}

async function nodes(): Promise<Record<string, string>> {
  const view = (await (await fetch(`${controllerUrl}/nodes`)).json()) as CapacityView;
  return Object.fromEntries(view.nodes.map(({ name, state, slot }) => [name, `${state} ${slot}`]));
}

function startPrometheus(): Promise<Server> {
  const started = createServer((request, response) => {
    if (use === undefined) return void request.socket.destroy();
    const result = Object.entries(use).map(([name, value]) => ({
      metric: { node: name },
      value: [Date.now() / 1000, String(value)],
    }));
    response.end(JSON.stringify({ status: "success", data: { resultType: "vector", result } }));
  });
  return new Promise((resolve) => started.listen(0, "127.0.0.1", () => resolve(started)));
}

/** KEDA's own definitions: the API server checks our ScaledJobs by them. */
async function installKeda(): Promise<void> {
  const keda = RECIPES.find(({ module }) => module === KEDA_MODULE) as Recipe;
  const folder = await moduleFile(keda, "config/crd/bases", platformCache());
  const definitions = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
  await server.kubectl(["apply", "--server-side", "-f", "-"], definitions.join("\n---\n"));
  await established(server, "scaledjobs.keda.sh");
}

const applySettings = (): ApplySettings => settingsOf(APPLY, ["--kubeconfig", server.kubeconfig]);

beforeAll(async () => {
  [server, nats, prometheus] = await Promise.all([
    startApiServer({ onProgress: (line) => process.stderr.write(`rig: ${line}\n`) }),
    startNats(),
    startPrometheus(),
  ]);
  client = connectKubernetes({ kubeconfig: server.kubeconfig, context: "" });
  await installKeda();
  await apply(client, applySettings(), () => undefined, { DB_PASSWORD: "hunter2" });
  await server.kubectl(["create", "serviceaccount", "default", "-n", NAMESPACE]);
  // The rights of the account that apply made are all that the controller has.
  const kubeconfig = await server.kubeconfigFor(NAMESPACE, "posture-controller");
  const figures = [
    ...["--kubeconfig", kubeconfig, "--http-host", "127.0.0.1", "--http-port", "0", "--log-level", "silent"],
    ...["--prometheus-url", `http://127.0.0.1:${(prometheus.address() as AddressInfo).port}`],
    ...["--prometheus-time-query", "", "--refresh", "200ms", "--max-age", "20s"],
    "--assign-slots",
  ];
  const http = Promise.withResolvers<number>();
  controller = runPostureController(settingsOf(POSTURE_CONTROLLER, figures), ending.signal, http.resolve);
  controller.catch(http.reject);
  controllerUrl = `http://127.0.0.1:${await http.promise}`;
  scaler = await startScaler(
    settingsOf(SCALER, [
      ...["--controller-url", controllerUrl, "--nats-monitor-url", nats.url, "--max-age", "20s", "--deadline", "20s"],
      ...["--mqtt-broker", "127.0.0.1", "--mqtt-port", String(nats.mqttPort)],
      ...["--host", "127.0.0.1", "--listen-port", "0", "--http-host", "127.0.0.1", "--http-port", "0"],
    ]),
    log,
    {},
  );
  keda = new ExternalScalerClient(`127.0.0.1:${scaler.port}`, credentials.createInsecure());
}, BUILD_MS);

afterAll(async () => {
  keda?.close();
  await scaler?.stop();
  ending.abort();
  await controller.catch(() => undefined);
  client?.close();
  prometheus?.closeAllConnections();
  prometheus?.close();
  await nats?.stop();
  await server?.stop();
}, 60_000);

test("applies twice; secrets are in the Secret, and the scaler has no account", async () => {
  await apply(client, applySettings(), () => undefined, {});
  const secret = await getObject<KubeObject & { data: Record<string, string> }>(client, {
    resource: RESOURCES.secrets,
    namespace: NAMESPACE,
    name: "posture-secrets",
  });
  expect(secret?.data).toEqual({ DB_PASSWORD: Buffer.from("hunter2").toString("base64") });
  const { items } = await listAll(client, { resource: RESOURCES.serviceAccounts, namespace: NAMESPACE });
  expect(items.map(({ metadata }) => metadata.name).toSorted()).toEqual(["default", "posture-controller"]);
});

test("nodes go in: slots are given to those that have none, and the gauge counts the free ones", async () => {
  use = { a: 0.1, b: 0.2, c: 0.1 };
  await addNode("a", { "posture/eligible": "true", "posture/slot": "slot-2" });
  await addNode("b", { "posture/eligible": "true" });
  await addNode("c", { "posture/slot": "slot-9" });
  await vi.waitFor(async () => expect(await nodes()).toEqual({ a: "free 2", b: "free 1", c: "closed 9" }), LONG);
  expect(await labelsOf("b")).toMatchObject({ "posture/slot": "slot-1" });
  for (const port of [scaler.httpPort, Number(new URL(controllerUrl).port)])
    await vi.waitFor(async () => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      expect(text).toMatch(new RegExp(`^${METRIC} 2$`, "m"));
    }, LONG);
});

test("as many jobs as images wait and nodes are free, and no more while their pods run", async () => {
  await vi.waitFor(async () => expect(await poll()).toBe(""), LONG);
  for (const number of [1, 4, 7]) await publish(`images/${number}/camera`);
  await vi.waitFor(async () => expect(await poll()).toBe("1 4"), LONG);
  // Asked again before a pod is seen: the same two, not the third.
  expect(await poll()).toBe("1 4");
  await addPod("posture-analyzer-job-1", "b");
  await addPod("posture-analyzer-job-4", "a");
  await vi.waitFor(async () => expect(await nodes()).toMatchObject({ a: "taken 2", b: "taken 1" }), LONG);
  await vi.waitFor(async () => expect(await poll()).toBe(""), LONG);
  await drain("posture-analyzer-job-1", 1);
  await removePod("posture-analyzer-job-1");
  await vi.waitFor(async () => expect(await poll()).toBe("7"), LONG);
  await drain("posture-analyzer-job-7", 1);
  await drain("posture-analyzer-job-4", 1);
  await removePod("posture-analyzer-job-4");
  await vi.waitFor(async () => expect(await nodes()).toMatchObject({ a: "free 2", b: "free 1" }), LONG);
  await vi.waitFor(async () => expect(await poll()).toBe(""), LONG);
});

test("a busy node goes out, is marked for the scheduler, and comes in again; both are events", async () => {
  await publish("images/0/camera");
  use = { a: 0.95, b: 0.95, c: 0 };
  await vi.waitFor(async () => expect(await nodes()).toMatchObject({ a: "busy 2", b: "busy 1" }), LONG);
  await vi.waitFor(async () => {
    expect(await labelsOf("a")).toMatchObject({ "posture/busy": "true" });
    expect(await labelsOf("b")).toMatchObject({ "posture/busy": "true" });
  }, LONG);
  expect(await labelsOf("c")).not.toHaveProperty("posture/busy");
  await vi.waitFor(async () => expect(await poll()).toBe(""), LONG);
  use = { a: 0.95, b: 0.1, c: 0 };
  await vi.waitFor(async () => expect(await labelsOf("b")).not.toHaveProperty("posture/busy"), LONG);
  await vi.waitFor(async () => expect(await poll()).toBe("0"), LONG);
  interface NodeEvent extends KubeObject {
    readonly reason?: string;
    readonly note?: string;
  }
  await vi.waitFor(async () => {
    const { items } = await listAll<NodeEvent>(client, { resource: RESOURCES.events, namespace: "default" });
    const ours = items.map(({ reason, note }) => `${reason}: ${note}`);
    expect(ours).toContain(
      "PostureNodeOut: Posture jobs do not start on node b: its CPU is at 95 %, the threshold is 70 %",
    );
    expect(ours).toContain("PostureNodeIn: Posture jobs may start on node b");
  }, LONG);
});

test("a node that loses its label receives nothing, and the slot that it was given goes back", async () => {
  await mergePatch(client, node("b"), { metadata: { labels: { "posture/eligible": null } } }, "test");
  await vi.waitFor(async () => expect(await labelsOf("b")).not.toHaveProperty("posture/slot"), LONG);
  await vi.waitFor(async () => expect(await poll()).toBe(""), LONG);
  await mergePatch(client, node("b"), { metadata: { labels: { "posture/eligible": "true" } } }, "test");
  await vi.waitFor(async () => expect(await poll()).toBe("0"), LONG);
  expect(await labelsOf("b")).toMatchObject({ "posture/slot": "slot-1" });
});

test("with Prometheus away KEDA is told so, not a guess; and all is well again afterwards", async () => {
  const failure = async () => {
    try {
      return await poll();
    } catch (error) {
      const { code, details } = error as ServiceError;
      return `${code} ${details}`;
    }
  };
  use = undefined;
  await vi.waitFor(async () => {
    const told = await failure();
    expect(told).toMatch(new RegExp(`^${grpcStatus.UNAVAILABLE} EK_FIGURE_STALE`));
    expect(told).toMatch(
      /node [ab]: its CPU figure \(prometheus\) is \d+ s old \(prometheus is failing: it cannot be reached/,
    );
  }, LONG);
  // What is not known is closed to the scheduler too.
  await vi.waitFor(async () => expect(await labelsOf("b")).toMatchObject({ "posture/busy": "true" }), LONG);
  use = { a: 0.95, b: 0.1, c: 0 };
  await vi.waitFor(async () => expect(await poll()).toBe("0"), LONG);

  await nats.kill();
  await vi.waitFor(async () => expect(await failure()).toMatch(/^14 EK_QUEUE_UNREADABLE/), LONG);
  await nats.start();
  await vi.waitFor(async () => expect(await failure()).toBe("0"), LONG);
});

test("status says what is missing", async () => {
  const { lines, works } = await status(client, applySettings());
  expect(works).toBe(false);
  expect(lines).toContain("posture-external-scaler: 0 of 1 ready");
  expect(lines).toContain("jobs: 0 run of 10");
  expect(lines).toContain("  posture-analyzer-job-9: KEDA has not asked yet");
});

test("stop removes what was made and nothing else", async () => {
  const said: string[] = [];
  const say = (line: string) => void said.push(line);
  ending.abort();
  await controller;
  await server.kubectl(["create", "configmap", "mine", "-n", NAMESPACE]);
  await stop(client, applySettings(), say);
  expect(said.at(-1)).toBe("the namespace posture stays: it holds ConfigMap mine");
  expect(said).toContain("removed ScaledJob posture-analyzer-job-9");
  const label = "app.kubernetes.io/managed-by=evenkeel-posture";
  const kinds = "scaledjobs,deployments,services,secrets,serviceaccounts,roles,rolebindings,leases";
  expect((await server.kubectl(["get", kinds, "-A", "-l", label, "-o", "name"])).trim()).toBe("");
  expect((await server.kubectl(["get", "clusterroles,clusterrolebindings", "-l", label, "-o", "name"])).trim()).toBe(
    "",
  );
  // The user's own labels stay, ours go.
  expect(await labelsOf("a")).toMatchObject({ "posture/eligible": "true", "posture/slot": "slot-2" });
  for (const name of ["a", "b"]) expect(await labelsOf(name)).not.toHaveProperty("posture/busy");
  expect(await labelsOf("b")).not.toHaveProperty("posture/slot");

  await deleteObject(client, { resource: RESOURCES.configMaps, namespace: NAMESPACE, name: "mine" });
  await stop(client, applySettings(), say);
  expect(said.at(-1)).toBe("removed Namespace posture");
});

test("apply tells of a Secret with certificates that is not there, or lacks a file, and makes nothing", async () => {
  const args = ["--kubeconfig", server.kubeconfig, "--namespace", "club", "--mqtt-tls-secret", "broker-tls"];
  const settings = settingsOf(APPLY, [...args, "--mqtt-client-cert"]);
  const applying = () => apply(client, settings, () => undefined, {});
  const create =
    "kubectl create secret generic broker-tls -n club --from-file=ca.crt --from-file=tls.crt --from-file=tls.key";
  const absent = { code: "EK_SETTING_INVALID", message: "broker-tls: there is no such Secret in the namespace" };
  // A new cluster has no namespace for it either.
  await expect(applying()).rejects.toMatchObject({ ...absent, next: `kubectl create namespace club && ${create}` });
  await server.kubectl(["create", "namespace", "club"]);
  await expect(applying()).rejects.toMatchObject({ ...absent, next: create });
  await server.kubectl(["create", "secret", "generic", "broker-tls", "-n", "club", "--from-literal=ca.crt=x"]);
  await expect(applying()).rejects.toMatchObject({
    message: "broker-tls: the Secret has no tls.crt, tls.key",
    next: `${create} --dry-run=client -o yaml | kubectl apply -f -`,
  });
  expect((await server.kubectl(["get", "scaledjobs,deployments", "-n", "club", "-o", "name"])).trim()).toBe("");
});

test("apply touches nothing when a name is taken by somebody else", async () => {
  await server.kubectl(["create", "namespace", "gym"]);
  await server.kubectl(["create", "service", "clusterip", "posture-controller", "--tcp=80:80", "-n", "gym"]);
  const settings = { ...applySettings(), namespace: "gym" };
  await expect(apply(client, settings, () => undefined, {})).rejects.toMatchObject({
    code: "EK_KUBE_CONFLICT",
    message: "Service posture-controller is there and was not made by posture apply",
  });
  expect((await server.kubectl(["get", "scaledjobs,deployments", "-n", "gym", "-o", "name"])).trim()).toBe("");
});
