import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { findHelm } from "../../common/program/pins/helm.ts";
import { run } from "../../common/program/run.ts";
import { findPrograms } from "../../test/rig/programs/programs.ts";

const CHART = import.meta.dirname;
/** What a cluster of Kubernetes 1.36 tells Helm of itself. */
const NEW_CLUSTER = ["--api-versions", "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"];
/** The first time Helm is built from its source. */
const BUILD_MS = 45 * 60_000;

let helm: string;
let kubectl: string;
let folder: string;
beforeAll(async () => {
  helm = await findHelm();
  kubectl = (await findPrograms(["kubectl"], () => undefined)).kubectl as string;
  folder = await mkdtemp(join(tmpdir(), "evenkeel-chart-"));
}, BUILD_MS);
afterAll(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

interface Built {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; labels?: Record<string, string> };
  readonly spec?: { readonly template?: { readonly metadata: { labels?: Record<string, string>; sidecar?: string } } };
}

function objectsOf(text: string): Map<string, Built> {
  const objects = parseAllDocuments(text).flatMap((document) => (document.toJS() as Built | null) ?? []);
  return new Map(objects.map((object) => [`${object.kind} ${object.metadata.name}`, withoutLabels(object)]));
}

/** The ways of installing label things as their own. */
function withoutLabels(object: Built): Built {
  const { labels: _, ...metadata } = object.metadata;
  const template = object.spec?.template;
  if (template === undefined) return { ...object, metadata };
  const { labels = {}, ...pod } = template.metadata;
  const sidecar = labels["sidecar.istio.io/inject"] ?? "";
  return { ...object, metadata, spec: { ...object.spec, template: { ...template, metadata: { ...pod, sidecar } } } };
}

async function template(...args: readonly string[]): Promise<Map<string, Built>> {
  const words = ["template", "evenkeel", CHART, "--namespace", "evenkeel", "--include-crds", ...NEW_CLUSTER, ...args];
  return objectsOf((await run(helm, words, { timeoutMs: 60_000 })).stdout);
}

async function kustomize(...folders: readonly string[]): Promise<Map<string, Built>> {
  const built = new Map<string, Built>();
  for (const each of folders) {
    const { stdout } = await run(kubectl, ["kustomize", join(CHART, "..", each)], { timeoutMs: 60_000 });
    for (const [key, object] of objectsOf(stdout)) built.set(key, object);
  }
  // Helm makes it: --create-namespace.
  built.delete("Namespace evenkeel");
  return built;
}

it("passes Helm's own checks", async () => {
  const { stdout } = await run(helm, ["lint", "--strict", CHART], { timeoutMs: 60_000 });
  expect(stdout).toContain("0 chart(s) failed");
});

describe("makes what kustomize makes", () => {
  it.each([
    ["in a mesh", [], ["overlays/istio", "agent-injection"]],
    [
      "without one",
      ["--set", "istio.enabled=false,gateway.enabled=true,agentInjection.enabled=false"],
      ["overlays/standalone"],
    ],
  ])("%s", async (_where, values, folders) => {
    const [chart, wanted] = [await template(...values), await kustomize(...folders)];
    // A chart's definitions are installed whatever its values say.
    if (!wanted.has("CustomResourceDefinition proxyservices.msvcbench.io"))
      chart.delete("CustomResourceDefinition proxyservices.msvcbench.io");
    expect([...chart.keys()].sort()).toEqual([...wanted.keys()].sort());
    for (const [key, object] of wanted) expect(chart.get(key), key).toEqual(object);
  });
});

it("goes into any namespace, cluster domain and trust domain", async () => {
  const text = JSON.stringify([
    ...(await template("--namespace", "lb", "--set", "clusterDomain=example.org,istio.trustDomain=td")).values(),
  ]);
  expect(text).toContain("evenkeel-control-plane.lb.svc.example.org:18000");
  expect(text).toContain("spiffe://td/ns/lb/sa/evenkeel-control-plane");
  expect(text).toContain("spiffe://td/ns/*/sa/*");
  expect(text).not.toContain('"namespace":"evenkeel"');
});

it("leaves the agents' policy out where there is no such API", async () => {
  const words = ["template", "evenkeel", CHART, "--namespace", "evenkeel"];
  const objects = objectsOf((await run(helm, words, { timeoutMs: 60_000 })).stdout);
  expect([...objects.keys()].filter((key) => key.includes("evenkeel-agent"))).toEqual([]);
  expect(objects.has("Deployment evenkeel-control-plane")).toBe(true);
});

it("asks for nodes/proxy only where kubelets are asked through the API server", async () => {
  const rights = (objects: Map<string, Built>) => JSON.stringify([...objects.values()]).includes("nodes/proxy");
  expect(rights(await template())).toBe(false);
  expect(rights(await template("--set", "controlPlane.kubeletAccess=proxy"))).toBe(true);
});

it.each([
  ["an unknown value", "operater.enabled=true"],
  ["a source of figures that there is not", "controlPlane.signals=guess"],
  ["no replicas", "controlPlane.replicas=0"],
  ["a client that is no SPIFFE id", "istio.allowedClients={shop}"],
  ["a drain that is no time", "operator.drain=soon"],
  ["a gateway of our own in a mesh", "gateway.enabled=true"],
])("refuses %s", async (_what, value) => {
  await expect(template("--set", value)).rejects.toThrow();
});
