import { pino } from "pino";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type ApiServer, startApiServer } from "../../test/rig/api-server.ts";
import { applyObject, createObject, deleteObject, getObject, patchStatus, replaceObject } from "./apply.ts";
import { connectKubernetes, type KubeClient } from "./client.ts";
import { recordEvent } from "./event.ts";
import { hasCode } from "./failure.ts";
import { listAll } from "./list.ts";
import type { KubeObject } from "./object.ts";
import { RESOURCES } from "./resource-type.ts";
import { watchAll } from "./watch.ts";

/** Programs that are not in the cache yet are built first. */
const BUILD_MS = 3_600_000;
const LONG = { timeout: 60_000, interval: 50 };

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

let server: ApiServer;
let client: KubeClient;

beforeAll(async () => {
  server = await startApiServer({ onProgress: (line) => process.stderr.write(`rig: ${line}\n`) });
  client = connectKubernetes({ kubeconfig: server.kubeconfig, context: "" });
}, BUILD_MS);

afterAll(async () => {
  client?.close();
  await server?.stop();
}, 60_000);

const configMap = (name: string, data: Record<string, string>) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default" },
  data,
});
const at = (name: string) => ({ resource: RESOURCES.configMaps, namespace: "default", name });
const mine = { fieldManager: "mine", force: false };

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
    return "none";
  } catch (error) {
    return hasCode(error, "EK_KUBE_FAILED") ? error.message : String((error as { code?: string }).code);
  }
}

test("objects are applied, guarded by their owner and version, and deleted", async () => {
  const applied = await applyObject<ConfigMap>(client, configMap("a", { x: "1", y: "1" }), mine);
  expect(applied.data).toEqual({ x: "1", y: "1" });
  // What a manager names no more goes.
  expect((await applyObject<ConfigMap>(client, configMap("a", { x: "1" }), mine)).data).toEqual({ x: "1" });
  const other = { fieldManager: "other", force: false };
  expect(await codeOf(applyObject(client, configMap("a", { x: "2" }), other))).toBe("EK_KUBE_CONFLICT");
  const forced = await applyObject<ConfigMap>(client, configMap("a", { x: "2" }), { ...other, force: true });
  expect(forced.data).toEqual({ x: "2" });
  expect(await codeOf(createObject(client, configMap("a", {}), "mine"))).toBe("EK_KUBE_CONFLICT");
  const old = { ...configMap("a", { x: "3" }), metadata: { ...applied.metadata, managedFields: [] } };
  expect(await codeOf(replaceObject(client, old, "mine"))).toBe("EK_KUBE_CONFLICT");
  const wrongUid = { uid: "00000000-0000-0000-0000-000000000000" };
  expect(await codeOf(deleteObject(client, at("a"), wrongUid))).toBe("EK_KUBE_CONFLICT");
  expect(await deleteObject(client, at("a"))).toBe(true);
  expect(await deleteObject(client, at("a"))).toBe(false);
  expect(await getObject(client, at("a"))).toBeUndefined();
}, 60_000);

test("status has its own part, and events are recorded", async () => {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default" },
    spec: { containers: [{ name: "c", image: "i" }], automountServiceAccountToken: false },
  };
  await server.kubectl(["create", "serviceaccount", "default"]).catch(() => "it is there already");
  const created = await createObject<KubeObject>(client, pod, "mine");
  const target = { resource: RESOURCES.pods, namespace: "default", name: "p" };
  const patched = await patchStatus<KubeObject & { status: { phase: string } }>(
    client,
    target,
    { phase: "Running" },
    "mine",
  );
  expect(patched.status.phase).toBe("Running");
  const about = { ...created, apiVersion: "v1", kind: "Pod" };
  const note = `é${"x".repeat(2000)}`;
  const event = { type: "Warning", reason: "Tried", action: "Try", note } as const;
  await recordEvent(client, about, event, { controller: "evenkeel.io/test", instance: "t" });
  const events = await listAll<KubeObject>(client, { resource: RESOURCES.events, namespace: "default" });
  const tried = events.items.filter(({ metadata }) => metadata.name.startsWith("p."));
  expect(tried).toMatchObject([{ reason: "Tried", regarding: { kind: "Pod", name: "p" } }]);
}, 60_000);

test("what is missing and what is forbidden is told with what mends it", async () => {
  const rules = listAll(client, { resource: RESOURCES.destinationRules });
  await expect(rules).rejects.toMatchObject({ code: "EK_KUBE_API_MISSING", next: expect.stringContaining("Istio") });
  await server.kubectl(["create", "serviceaccount", "nobody"]);
  const nobody = connectKubernetes({ kubeconfig: await server.kubeconfigFor("default", "nobody"), context: "" });
  const forbidden = listAll(nobody, { resource: RESOURCES.pods });
  await expect(forbidden).rejects.toMatchObject({
    code: "EK_KUBE_FORBIDDEN",
    next: expect.stringContaining(
      'system:serviceaccount:default:nobody to a ClusterRole with the rule {apiGroups: [""]',
    ),
  });
  nobody.close();
}, 60_000);

test("a watch outlives crashes and restarts of the API server", async () => {
  const watched = watchAll<ConfigMap>(
    client,
    { resource: RESOURCES.configMaps, namespace: "default" },
    { log: pino({ level: "silent" }), pageSize: 20, labelSelector: "!other", backoff: { baseMs: 100, maxMs: 1000 } },
  );
  const heard = new Map<string, string | undefined>();
  watched.subscribe({
    onChange: ({ type, key, object }) => {
      if (type === "deleted") heard.delete(key);
      else heard.set(key, object.data?.x);
    },
  });
  const write = (name: string, x: string) => applyObject(client, configMap(name, { x }), mine);
  for (let index = 0; index < 50; index += 1) await write(`m-${index}`, "0");
  await watched.whenSynced;
  for (let round = 1; round <= 2; round += 1) {
    if (round === 1) await server.killApiServer();
    await server.restartApiServer();
    for (let index = round; index < 50; index += 3) await write(`m-${index}`, String(round));
    await deleteObject(client, at(`m-${round}`));
    await write(`new-${round}`, String(round));
  }
  const listed = await listAll<ConfigMap>(client, { resource: RESOURCES.configMaps, namespace: "default" });
  const expected = Object.fromEntries(
    listed.items.map(({ metadata, data }) => [`default/${metadata.name}`, data?.x]).sort(),
  );
  expect(Object.keys(expected).length).toBeGreaterThanOrEqual(50);
  await vi.waitFor(() => {
    expect(Object.fromEntries([...heard].sort())).toEqual(expected);
    expect([...watched.objects.keys()].sort()).toEqual(Object.keys(expected));
    expect(watched.fault()).toBeUndefined();
  }, LONG);
  for (const { metadata } of watched.objects.values()) expect(metadata.managedFields).toBeUndefined();
  await watched.close();
}, 300_000);
