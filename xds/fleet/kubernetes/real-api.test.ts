import { pino } from "pino";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { applyObject, type Desired, deleteObject, targetOf } from "../../../common/kubernetes/apply.ts";
import { connectKubernetes, type KubeClient } from "../../../common/kubernetes/client.ts";
import { type ApiServer, startApiServer } from "../../../test/rig/api-server.ts";
import { kubernetesFleet } from "./kubernetes-fleet.ts";
import { watchKubernetes } from "./watches.ts";

/** Programs that are not in the cache yet are built first. */
const BUILD_MS = 3_600_000;
const LONG = { timeout: 60_000, interval: 50 };
const WEB = "outbound|80||web.default.svc.cluster.local";

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

function slice(endpoints: readonly object[]) {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "web-1", namespace: "default", labels: { "kubernetes.io/service-name": "web" } },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080 }],
    endpoints,
  };
}

const service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "default" },
  spec: { ports: [{ name: "http", port: 80 }] },
};

test("a service account with the rules of the manual sees Services come, drain and go, through a restart", async () => {
  await server.kubectl(["create", "serviceaccount", "evenkeel"]);
  const resources = "services,pods,endpointslices.discovery.k8s.io";
  await server.kubectl(["create", "clusterrole", "fleet", "--verb=get,list,watch", `--resource=${resources}`]);
  await server.kubectl([
    "create",
    "clusterrolebinding",
    "fleet",
    "--clusterrole=fleet",
    "--serviceaccount=default:evenkeel",
  ]);
  const client = connectKubernetes({ kubeconfig: await server.kubeconfigFor("default", "evenkeel"), context: "" });
  const watches = watchKubernetes(client, { log: pino({ level: "silent" }) });
  const fleet = kubernetesFleet({ watches });
  const told = () =>
    fleet
      .current()
      ?.clusters.get(WEB)
      ?.endpoints.map(({ key, state }) => `${key} ${state}`);
  fleet.request(WEB);
  await vi.waitFor(() => expect(told()).toEqual([]), LONG);
  // What it may do without is told with the rule that mends it.
  expect(watches.nodes.fault()?.next).toContain('resources: ["nodes"]');
  expect(watches.destinationRules.fault()?.next).toContain('resources: ["destinationrules"]');
  await write(service);
  await write(slice([{ addresses: ["10.0.0.1"] }, { addresses: ["10.0.0.2"] }]));
  await vi.waitFor(() => expect(told()).toEqual(["10.0.0.1:8080 ready", "10.0.0.2:8080 ready"]), LONG);
  await server.killApiServer();
  await server.restartApiServer();
  const draining = { ready: false, serving: true, terminating: true };
  await write(slice([{ addresses: ["10.0.0.1"], conditions: draining }, { addresses: ["10.0.0.3"] }]));
  await vi.waitFor(() => expect(told()).toEqual(["10.0.0.1:8080 draining", "10.0.0.3:8080 ready"]), LONG);
  await deleteObject(admin, targetOf(service));
  await vi.waitFor(() => expect(told()).toEqual([]), LONG);
  await fleet.close();
  await watches.close();
  client.close();
}, 180_000);
