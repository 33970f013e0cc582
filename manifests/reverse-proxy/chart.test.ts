import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
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

async function template(...args: readonly string[]): Promise<Map<string, Record<string, unknown>>> {
  const { stdout } = await run(helm, ["template", "reverse-proxy", CHART, ...args], { timeoutMs: 60_000 });
  const objects = parseAllDocuments(stdout).map((document) => document.toJS() as Record<string, unknown>);
  return new Map(objects.map((object) => [String(object.kind), object]));
}

function configOf(objects: Map<string, Record<string, unknown>>) {
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

it.each([
  ["port=0", "minimum"],
  ["nodeport=65536", "maximum"],
  ["replica=3", "not allowed"],
  ["replicas=many", "/replicas"],
  ["services=null", "config has no services"],
  ["config=proxy: {}", "config has no proxy.services"],
  ["config=]", "config is not YAML"],
])("refuses %s", async (value, message) => {
  await expect(template("--set", value)).rejects.toThrow(message);
});
