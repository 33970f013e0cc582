import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import type { Controller, NetworkPolicy, Pod } from "../cli/doctor/objects.ts";
import { cutBy } from "../cli/doctor/policy.ts";
import { hasLabels } from "../cli/doctor/selector.ts";
import { run } from "../common/program/run.ts";
import {
  KEDA,
  MESH_WAYS,
  type Party,
  POSTURE_WAYS,
  STANDALONE_WAYS,
  STRANGER,
  UPLOAD_WAYS,
  type Way,
  wayText,
} from "../test/e2e/install/ways.ts";
import { findPrograms } from "../test/rig/programs/programs.ts";

/** Programs that are not in the cache yet are built first. */
const BUILD_MS = 3_600_000;

let kubectl: string;
beforeAll(async () => {
  kubectl = (await findPrograms(["kubectl"], () => undefined)).kubectl as string;
}, BUILD_MS);

type Built = Controller & NetworkPolicy & { readonly kind: string };

async function build(folder: string): Promise<Built[]> {
  const { stdout } = await run(kubectl, ["kustomize", join(import.meta.dirname, folder)], { timeoutMs: 60_000 });
  return parseAllDocuments(stdout).map((document) => document.toJS() as Built);
}

/** The pod that a Deployment of the manifests makes; strangers are in none of them. */
function podOf(objects: readonly Built[], party: Party): Pod {
  const { namespace, labels } = party;
  if (party === STRANGER || party === KEDA) return { metadata: { name: "stranger", namespace, labels } };
  const found = objects.find(
    ({ kind, metadata, spec }) =>
      kind === "Deployment" &&
      (metadata.namespace ?? "default") === namespace &&
      hasLabels(labels, spec?.template?.metadata?.labels),
  );
  if (found === undefined) throw new Error(`no Deployment makes ${party.name}`);
  const { metadata, spec } = found.spec?.template ?? {};
  return {
    metadata: { name: found.metadata.name, namespace, labels: metadata?.labels ?? {} },
    ...(spec === undefined ? {} : { spec }),
  };
}

const withNamespace = (object: Built): Built => ({
  ...object,
  metadata: { ...object.metadata, namespace: object.metadata.namespace ?? "default" },
});

/** Is a way open, by the policies of both sides? */
function isOpen(objects: readonly Built[], { from, to, port }: Way): boolean {
  const policies = objects.filter(({ kind }) => kind === "NetworkPolicy").map(withNamespace);
  const namespaces = [from, to].map(({ namespace: name }) => ({
    metadata: { name, labels: { "kubernetes.io/metadata.name": name } },
  }));
  const path = { from: podOf(objects, from), to: podOf(objects, to), port };
  return (["Ingress", "Egress"] as const).every((side) => cutBy(path, side, policies, namespaces).length === 0);
}

it.each([
  ["overlays/istio", MESH_WAYS],
  ["overlays/standalone", STANDALONE_WAYS],
  ["reencrypt", UPLOAD_WAYS],
  ["posture", POSTURE_WAYS],
])("%s: whoever must reach another does, and nobody else", async (folder, ways) => {
  const objects = await build(folder);
  expect(objects.some(({ kind }) => kind === "NetworkPolicy")).toBe(true);
  const wrong = ways.filter((way) => isOpen(objects, way) !== way.open).map(wayText);
  expect(wrong).toEqual([]);
});
