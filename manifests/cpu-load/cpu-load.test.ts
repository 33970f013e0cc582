import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { parseAllDocuments } from "yaml";
import { type ApiServer, startApiServer } from "../../test/rig/api-server.ts";

vi.setConfig({ testTimeout: 120_000 });

/** Programs that are not in the cache yet are built first. */
const BUILD_MS = 3_600_000;
const MANIFESTS = join(import.meta.dirname, "..");
const FOLDERS = ["cpu-load", "cpu-load/overlays/test", "metrics-server", "metrics-server/overlays/local"];

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer({ onProgress: (line) => process.stderr.write(`rig: ${line}\n`) });
}, BUILD_MS);
afterAll(async () => {
  await server?.stop();
}, 60_000);

interface Built {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: unknown;
}

async function build(folder: string): Promise<Built[]> {
  const text = await server.kubectl(["kustomize", join(MANIFESTS, folder)]);
  return parseAllDocuments(text).map((document) => document.toJS() as Built);
}

async function specOf(folder: string, kind: string): Promise<unknown> {
  return (await build(folder)).find((object) => object.kind === kind)?.spec;
}

it.each(FOLDERS)("%s is taken by a real API server, without a warning", async (folder) => {
  const text = await server.kubectl(["kustomize", join(MANIFESTS, folder)]);
  const flags = ["--dry-run=server", "--validate=strict", "--warnings-as-errors", "-f", "-"];
  const answer = await server.kubectl(["apply", "--server-side", ...flags], text);
  expect(answer.trim().split("\n")).toHaveLength((await build(folder)).length);
});

it("the autoscaler is the earlier one to the letter", async () => {
  expect(await specOf("cpu-load", "HorizontalPodAutoscaler")).toEqual({
    scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "fastapi-app" },
    minReplicas: 1,
    maxReplicas: 10,
    metrics: [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } }],
    behavior: {
      scaleUp: { stabilizationWindowSeconds: 0, policies: [{ type: "Percent", value: 100, periodSeconds: 60 }] },
      scaleDown: { stabilizationWindowSeconds: 300, policies: [{ type: "Percent", value: 50, periodSeconds: 60 }] },
    },
  });
});

it("the names, the ports and the resources are the earlier ones, and no replicas are set", async () => {
  expect((await build("cpu-load")).map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort()).toEqual([
    "Deployment fastapi-app",
    "HorizontalPodAutoscaler fastapi-hpa",
    "PodDisruptionBudget fastapi-app",
    "Service fastapi-service",
  ]);
  expect(await specOf("cpu-load", "Service")).toMatchObject({
    type: "NodePort",
    ports: [{ port: 8000, nodePort: 30080 }],
  });
  const deployment = await specOf("cpu-load", "Deployment");
  expect(deployment).not.toHaveProperty("replicas");
  expect(deployment).toMatchObject({
    template: {
      spec: {
        containers: [
          {
            resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { cpu: "500m", memory: "512Mi" } },
            readinessProbe: { httpGet: { path: "/health" } },
            livenessProbe: { httpGet: { path: "/health" } },
          },
        ],
      },
    },
  });
});

it("the test overlay shortens windows and changes the image's tag, and nothing else", async () => {
  const normal = JSON.stringify(await build("cpu-load"));
  const test = JSON.stringify(await build("cpu-load/overlays/test"));
  const lengthened = test
    .replaceAll('"periodSeconds":15', '"periodSeconds":60')
    .replace('"stabilizationWindowSeconds":15', '"stabilizationWindowSeconds":300')
    .replace("evenkeel/evenkeel:rig", "evenkeel/evenkeel:0.1.0");
  expect(lengthened).toBe(normal);
  expect(test).not.toBe(normal);
});
