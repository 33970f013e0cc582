import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { type ApiServer, startApiServer } from "../../test/rig/api-server.ts";
import { WORKER_COMMAND } from "../../workloads/worker/settings.ts";
import { openKubernetes } from "../../xds/kubernetes-source.ts";

vi.setConfig({ testTimeout: 120_000 });

/** Programs that are not in the cache yet are built first. */
const BUILD_MS = 3_600_000;
const LONG = { timeout: 60_000, interval: 200 };
const FOLDERS = ["reencrypt", "reencrypt/overlays/test"];

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer({ onProgress: (line) => process.stderr.write(`rig: ${line}\n`) });
}, BUILD_MS);
afterAll(async () => {
  await server?.stop();
}, 60_000);

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly ports?: readonly object[];
  readonly lifecycle?: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
  readonly securityContext?: object;
  readonly resources?: { readonly requests?: Readonly<Record<string, string>> };
}

interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly terminationGracePeriodSeconds: number;
  readonly automountServiceAccountToken?: boolean;
  readonly securityContext?: object;
}

interface Built {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: Readonly<Record<string, unknown>> & { readonly template: { readonly spec: PodSpec } };
  readonly data?: Readonly<Record<string, string>>;
  readonly rules?: readonly { readonly resources: readonly string[]; readonly verbs: readonly string[] }[];
}

const render = (folder: string) => server.kubectl(["kustomize", join(import.meta.dirname, "..", folder)]);

async function build(folder: string): Promise<Built[]> {
  return parseAllDocuments(await render(folder)).map((document) => document.toJS() as Built);
}

async function find(kind: string, name: string): Promise<Built> {
  const found = (await build("reencrypt")).find((object) => object.kind === kind && object.metadata.name === name);
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`);
  return found;
}

const podOf = async (deployment: string) => (await find("Deployment", deployment)).spec.template.spec;

it.each(FOLDERS)("%s is taken by a real API server, without a warning", async (folder) => {
  const flags = ["--dry-run=server", "--validate=strict", "--warnings-as-errors", "-f", "-"];
  const answer = await server.kubectl(["apply", "--server-side", ...flags], await render(folder));
  expect(answer.trim().split("\n")).toHaveLength((await build(folder)).length);
});

it("has the earlier system's objects under their names", async () => {
  const names = (await build("reencrypt")).map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  expect(names).toEqual(
    expect.arrayContaining([
      "Deployment proxy-master",
      "Deployment proxy-worker",
      "Service proxy-master-svc",
      "Service proxy-workers",
      "ServiceAccount proxy-master-sa",
      "ClusterRole proxy-master-metrics-reader",
      "ClusterRoleBinding proxy-master-metrics-reader-binding",
      "HorizontalPodAutoscaler proxy-worker-hpa",
    ]),
  );
  const http = { port: 80, targetPort: "http" };
  expect((await find("Service", "proxy-master-svc")).spec).toMatchObject({ type: "LoadBalancer", ports: [http] });
  expect((await find("Service", "proxy-workers")).spec).toMatchObject({ clusterIP: "None", ports: [{ port: 8080 }] });
  for (const name of ["proxy-master", "proxy-worker"])
    expect((await podOf(name)).containers[0]?.ports).toEqual([{ name: "http", containerPort: 8080 }]);
});

it("the autoscaler is the earlier one to the letter, and alone sets the replicas", async () => {
  const resource = (name: string) => ({
    type: "Resource",
    resource: { name, target: { type: "Utilization", averageUtilization: 75 } },
  });
  const onePodEach15s = [{ type: "Pods", value: 1, periodSeconds: 15 }];
  expect((await find("HorizontalPodAutoscaler", "proxy-worker-hpa")).spec).toEqual({
    scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "proxy-worker" },
    minReplicas: 1,
    maxReplicas: 10,
    metrics: [resource("cpu"), resource("memory")],
    behavior: {
      scaleUp: { stabilizationWindowSeconds: 0, policies: onePodEach15s },
      scaleDown: { stabilizationWindowSeconds: 120, policies: onePodEach15s },
    },
  });
  expect((await find("Deployment", "proxy-worker")).spec).not.toHaveProperty("replicas");
});

it("every container of a worker asks for CPU and memory: without, the autoscaler cannot divide", async () => {
  const { containers, initContainers = [] } = await podOf("proxy-worker");
  for (const { resources } of [...containers, ...initContainers])
    expect(resources?.requests).toEqual({ cpu: expect.any(String), memory: expect.any(String) });
});

it("a worker and a gateway that end have the time for it", async () => {
  const worker = await podOf("proxy-worker");
  const pause = worker.containers[0]?.lifecycle?.preStop.sleep.seconds ?? Number.NaN;
  const { drainTimeout } = WORKER_COMMAND.settings;
  expect(pause + drainTimeout.parse(drainTimeout.default) / 1000).toBeLessThan(worker.terminationGracePeriodSeconds);
  const gateway = await podOf("proxy-master");
  const drain = gateway.containers[0]?.env?.find(({ name }) => name === "EVENKEEL_DRAIN_TIMEOUT")?.value ?? "";
  expect(5 + Number.parseInt(drain, 10)).toBeLessThan(gateway.terminationGracePeriodSeconds);
  // As long as an upload may take.
  expect(Number.parseInt(drain, 10)).toBeGreaterThanOrEqual(200);
});

it("runs every container without rights; only the control plane has a token", async () => {
  const deployments = (await build("reencrypt")).filter(({ kind }) => kind === "Deployment");
  expect(deployments).toHaveLength(3);
  for (const { metadata, spec } of deployments) {
    const { containers, initContainers = [], securityContext, automountServiceAccountToken } = spec.template.spec;
    expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
    expect(automountServiceAccountToken).toBe(metadata.name === "proxy-control-plane" ? undefined : false);
    for (const container of [...containers, ...initContainers])
      expect(container.securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
  }
});

it("may read and nothing else", async () => {
  const objects = await build("reencrypt");
  const rules = objects.flatMap(({ rules = [] }) => rules);
  expect([...new Set(rules.flatMap(({ verbs }) => verbs))].sort()).toEqual(["get", "list", "watch"]);
  const clusterWide = (await find("ClusterRole", "proxy-master-metrics-reader")).rules ?? [];
  expect(clusterWide.flatMap(({ resources }) => resources)).toEqual(["pods", "nodes/metrics", "nodes"]);
});

it("its rights are enough for the control plane: it reads the fleet and misses none", async () => {
  await server.kubectl(["apply", "--server-side", "-f", "-"], await render("reencrypt"));
  await server.kubectl(["apply", "--server-side", "-f", "-"], JSON.stringify(SLICE));
  // Rights count some time after they are written.
  const may = ["auth", "can-i", "list", "--as=system:serviceaccount:default:proxy-master-sa", "--namespace=default"];
  for (const resource of ["nodes", "endpointslices.discovery.k8s.io"])
    await vi.waitFor(() => server.kubectl([...may, resource]), LONG);
  const folder = await mkdtemp(join(tmpdir(), "evenkeel-reencrypt-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const fleetFile = join(folder, "fleet.yaml");
  await writeFile(fleetFile, (await find("ConfigMap", "proxy-master-fleet")).data?.["fleet.yaml"] ?? "");
  const complaints: string[] = [];
  const { source } = openKubernetes({
    kubeconfig: await server.kubeconfigFor("default", "proxy-master-sa"),
    context: "",
    namespace: "default",
    services: new Map(),
    fleetFile,
    signals: "agent",
    kubeletAccess: "direct",
    prometheus: undefined,
    log: pino({ level: "warn" }, { write: (line: string) => void complaints.push(line) }),
  });
  onTestFinished(() => source.close());
  const endpoints = () =>
    source
      .current()
      ?.clusters.get("proxy-workers")
      ?.endpoints.map(({ key }) => key);
  await vi.waitFor(() => expect(endpoints()).toEqual(["10.0.0.7:8080"]), LONG);
  expect(source.fault()).toBeUndefined();
  expect(complaints.filter((line) => line.includes("EK_KUBE_FORBIDDEN"))).toEqual([]);
});

const SLICE = {
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: {
    name: "proxy-workers-1",
    namespace: "default",
    labels: { "kubernetes.io/service-name": "proxy-workers" },
  },
  addressType: "IPv4",
  ports: [{ name: "http", port: 8080 }],
  endpoints: [{ addresses: ["10.0.0.7"] }],
};

it("the fleet file names the Service in the folder's own namespace, and looks after the workers' health", async () => {
  const file = (await find("ConfigMap", "proxy-master-fleet")).data?.["fleet.yaml"] ?? "";
  const { metadata } = await find("Service", "proxy-workers");
  expect(parse(file)).toMatchObject({
    clusters: [
      { kubernetes: { namespace: metadata.namespace, service: metadata.name, port: 8080 }, healthCheck: "/readyz" },
    ],
    listeners: [{ port: 8080, routes: [{ prefix: "/", timeout: "200s" }] }],
  });
});

it("the test overlay keeps the autoscaler but for its window", async () => {
  const hpa = (objects: readonly Built[]) => objects.find(({ kind }) => kind === "HorizontalPodAutoscaler");
  const [normal, test] = await Promise.all(FOLDERS.map(async (folder) => JSON.stringify(hpa(await build(folder)))));
  const shortened = normal?.replace('"stabilizationWindowSeconds":120', '"stabilizationWindowSeconds":15');
  expect(shortened).toBe(test);
  expect(shortened).not.toBe(normal);
});
