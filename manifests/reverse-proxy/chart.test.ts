import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { findHelm } from "../../common/program/pins/helm.ts";
import { run } from "../../common/program/run.ts";
import project from "../../package.json" with { type: "json" };
import { parseProxyConfig } from "../../sidecar/reverse-proxy/parse.ts";
import { HEALTH_CHECK_PATH } from "../../sidecar/reverse-proxy/route.ts";

const CHART = import.meta.dirname;
/** The first time Helm is built from its source. */
const BUILD_MS = 45 * 60_000;

let helm: string;
let folder: string;
beforeAll(async () => {
  helm = await findHelm();
  folder = await mkdtemp(join(tmpdir(), "evenkeel-chart-"));
}, BUILD_MS);
afterAll(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

interface KubernetesObject {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: {
    readonly template?: {
      readonly metadata: { readonly annotations?: Record<string, string> };
      readonly spec: { readonly containers: readonly unknown[] };
    };
  };
}

async function documents(...args: readonly string[]): Promise<readonly KubernetesObject[]> {
  const { stdout } = await run(helm, ["template", "reverse-proxy", CHART, ...args], { timeoutMs: 60_000 });
  return parseAllDocuments(stdout).map((document) => document.toJS() as KubernetesObject);
}

/** By kind; of a chart that has one of each. */
async function template(...args: readonly string[]): Promise<Map<string, object>> {
  return new Map((await documents(...args)).map((object) => [object.kind, object]));
}

const containerOf = (object: KubernetesObject | undefined) => object?.spec?.template?.spec.containers[0];

function configOf(objects: Map<string, object>) {
  const { data } = objects.get("ConfigMap") as { data: Record<string, string> };
  return parseProxyConfig(data["config.yaml"] ?? "", "config.yaml");
}

it("passes Helm's own checks", async () => {
  const { stdout } = await run(helm, ["lint", "--strict", CHART], { timeoutMs: 60_000 });
  expect(stdout).toContain("0 chart(s) failed");
});

it("makes the objects by the names that the earlier system's users know", async () => {
  const objects = await template();
  expect([...objects.keys()].sort()).toEqual(["ConfigMap", "Deployment", "HorizontalPodAutoscaler", "Service"]);
  expect(objects.get("Service")).toMatchObject({
    metadata: { name: "reverse-proxy-service" },
    spec: {
      type: "NodePort",
      selector: { run: "reverse-proxy-app" },
      ports: [{ port: 8080, targetPort: "http", nodePort: 30_653 }],
    },
  });
  expect(objects.get("Deployment")).toMatchObject({
    metadata: { name: "reverse-proxy-app", labels: { run: "reverse-proxy-app" } },
    spec: {
      selector: { matchLabels: { run: "reverse-proxy-app" } },
      template: {
        metadata: { labels: { run: "reverse-proxy-app" } },
        spec: {
          securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
          containers: [
            {
              image: `evenkeel/proxy:${project.version}`,
              readinessProbe: { httpGet: { path: HEALTH_CHECK_PATH, port: "http" } },
              securityContext: { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false },
            },
          ],
        },
      },
    },
  });
  expect(objects.get("HorizontalPodAutoscaler")).toMatchObject({
    metadata: { name: "reverse-proxy-app" },
    spec: {
      scaleTargetRef: { kind: "Deployment", name: "reverse-proxy-app" },
      minReplicas: 1,
      maxReplicas: 10,
      metrics: [{ resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } }],
    },
  });
});

it("leaves the number of pods to the autoscaler, or takes a number and no autoscaler", async () => {
  expect((await template()).get("Deployment")).not.toHaveProperty("spec.replicas");
  const fixed = await template("--set", "replicas=7");
  expect(fixed.get("Deployment")).toHaveProperty("spec.replicas", 7);
  expect(fixed.has("HorizontalPodAutoscaler")).toBe(false);
  expect((await template("--set", "replicas=auto")).has("HorizontalPodAutoscaler")).toBe(true);
});

it("takes port, nodeport and image", async () => {
  const objects = await template("--set", "port=9000,nodeport=31000,image=example/proxy:1");
  expect(objects.get("Service")).toMatchObject({ spec: { ports: [{ port: 9000, nodePort: 31_000 }] } });
  expect(objects.get("Deployment")).toMatchObject({
    spec: { template: { spec: { containers: [{ image: "example/proxy:1", ports: [{ containerPort: 9000 }] }] } } },
  });
  expect(configOf(objects).listen).toEqual({ address: "0.0.0.0", port: 9000 });
});

it("serves its services, or those of a configuration file, on the pod's addresses", async () => {
  expect(configOf(await template()).services).toMatchObject([
    { name: "my-service", domain: "my-service.mycompany.com", hosts: { length: 5 } },
  ]);
  const path = join(folder, "config.yaml");
  const services =
    "  services:\n    - { name: shop, domain: shop.example.com, hosts: [{ address: shop.default.svc }] }\n";
  await writeFile(path, `proxy:\n  listen: { address: 127.0.0.1, port: '8081' }\n${services}`);
  const config = configOf(await template("--set-file", `config=${path}`));
  expect(config.listen).toEqual({ address: "0.0.0.0", port: 8080 });
  expect(config.services).toMatchObject([{ name: "shop", hosts: [{ address: "shop.default.svc", port: 80 }] }]);
});

const OWN = ["--set", "controlPlane.enabled=true"];

it("has a control plane of its own tell the pods what to serve", async () => {
  const objects = await documents(...OWN, "--set", "accessLog=true", "--namespace", "shop");
  const byName = new Map(objects.map(({ kind, metadata }) => [`${kind} ${metadata.name}`, { kind, metadata }]));
  expect([...byName.keys()].sort()).toEqual([
    "ConfigMap reverse-proxy-config",
    "Deployment reverse-proxy-app",
    "Deployment reverse-proxy-control-plane",
    "HorizontalPodAutoscaler reverse-proxy-app",
    "NetworkPolicy reverse-proxy-control-plane",
    "Service reverse-proxy-control-plane",
    "Service reverse-proxy-service",
  ]);
  const [app, own] = ["reverse-proxy-app", "reverse-proxy-control-plane"].map((name) =>
    objects.find(({ kind, metadata }) => kind === "Deployment" && metadata.name === name),
  );
  const xds = "reverse-proxy-control-plane.shop.svc:18000";
  expect(containerOf(app)).toMatchObject({
    args: ["cli/evenkeel.ts", "envoy", "--xds", xds, "--node-cluster", "reverse-proxy"],
  });
  expect(JSON.stringify(app)).not.toContain("reverse-proxy-config");
  expect(containerOf(own)).toMatchObject({
    args: expect.arrayContaining(["control-plane", "--proxy-config=/etc/evenkeel/config.yaml"]),
    env: [{ name: "EVENKEEL_PROXY_ACCESS_LOG", value: "true" }],
    volumeMounts: [{ name: "config", mountPath: "/etc/evenkeel" }],
    securityContext: { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false },
  });
});

it("or one that is there already, which reads the services itself", async () => {
  const objects = await template(...OWN, "--set", "controlPlane.address=evenkeel-control-plane.evenkeel.svc:18000");
  expect([...objects.keys()].sort()).toEqual(["Deployment", "HorizontalPodAutoscaler", "Service"]);
  expect(JSON.stringify(objects.get("Deployment"))).toContain('"evenkeel-control-plane.evenkeel.svc:18000"');
});

it("asks for Istio's sidecar, past which requests come in and configuration too", async () => {
  const pod = async (...args: readonly string[]) =>
    (await documents(...args)).find(({ metadata }) => metadata.name === "reverse-proxy-app")?.spec?.template?.metadata;
  expect(await pod()).not.toHaveProperty("annotations");
  const asked = await pod("--set", "sidecar=true,port=9000", ...OWN);
  expect(asked).toMatchObject({
    labels: { "sidecar.istio.io/inject": "true" },
    annotations: {
      "traffic.sidecar.istio.io/excludeInboundPorts": "9000",
      "traffic.sidecar.istio.io/excludeOutboundPorts": "18000",
    },
  });
  expect(parse(asked?.annotations?.["proxy.istio.io/config"] ?? "")).toEqual({
    holdApplicationUntilProxyStarts: true,
    proxyMetadata: { ISTIO_META_DNS_CAPTURE: "true", EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true" },
  });
});

it("still takes the values of a release that knew no control plane", async () => {
  const objects = await template("--set", "controlPlane=null,sidecar=null");
  expect([...objects.keys()].sort()).toEqual(["ConfigMap", "Deployment", "HorizontalPodAutoscaler", "Service"]);
});

it.each([
  ["port=0", "minimum"],
  ["nodeport=65536", "maximum"],
  ["replica=3", "not allowed"],
  ["replicas=many", "/replicas"],
  ["services=null", "config has no services"],
  ["config=proxy: {}", "config has no proxy.services"],
  ["config=]", "config is not YAML"],
  ["controlPlane.address=nowhere", "/controlPlane/address"],
  ["controlPlane.address=somewhere:18000", "controlPlane.enabled is false"],
  ["controlPlane.enable=true", "not allowed"],
])("refuses %s", async (value, message) => {
  await expect(template("--set", value)).rejects.toThrow(message);
});
