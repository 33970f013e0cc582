import { setTimeout as sleep } from "node:timers/promises";
import { waitUntil } from "../../rig/ready.ts";
import type { Rig } from "../../rig/rig.ts";
import { setQuota } from "./cpu-quota.ts";
import { failures, startProbes } from "./probes.ts";

/** How long a pod is starved once it is out, in ms: several misses of its liveness probe. */
const STARVED_MS = 60_000;

/** What the pod has to do meanwhile: four burns at once. */
const WORK = ["/load", "/load", "/load", "/load"] as const;
/** A thousandth of a CPU, which with that work leaves no answer within a second. */
const STARVED = { quotaUs: 1000, periodUs: 1_000_000 };
/** The Deployment's limit of 500m. */
const USUAL = { quotaUs: 50_000, periodUs: 100_000 };

interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status: {
    readonly podIP: string;
    readonly conditions: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses: readonly { readonly restartCount: number; readonly containerID: string }[];
  };
}

/**
 * Takes one of two pods' CPU away while it has work, and gives it back: it must leave the Service, must not be restarted, and
 * must come back; no request through the Service may fail once it is out.
 * @param url the Service
 * @returns what was seen
 */
export async function starve(rig: Rig, url: string): Promise<string> {
  await rig.kubectl(["patch", "hpa", "fastapi-hpa", "-p", '{"spec":{"minReplicas":2}}']);
  await waitUntil("two ready pods", async () => (await pods(rig)).filter(isReady).length === 2, PATIENCE);
  const [victim] = await pods(rig);
  if (victim === undefined) throw new Error("there is no pod");
  const { name } = victim.metadata;
  const container = victim.status.containerStatuses[0]?.containerID.replace("containerd://", "") ?? "";
  const current = async () => (await pods(rig)).find(({ metadata }) => metadata.name === name);
  const { podIP } = victim.status;
  setQuota(rig.name, container, STARVED);
  const work = await startProbes(rig, `http://${podIP}:8000`, Date.now(), WORK);
  try {
    const begin = Date.now();
    await waitUntil(`${name} to be out of the Service`, async () => !isReady(await current()), PATIENCE);
    await waitUntil(
      `${name} to be out of its endpoints`,
      async () => !(await servingAddresses(rig)).includes(podIP),
      PATIENCE,
    );
    const out = (Date.now() - begin) / 1000;
    // The node's rules follow the endpoints.
    await sleep(3000);
    const others = await startProbes(rig, url, Date.now(), ["/health"]);
    await sleep(STARVED_MS);
    await others.stop();
    const failed = failures(others.answers);
    if (failed !== "") throw new Error(`requests failed while a pod was starved: ${failed}`);
    if (isReady(await current())) throw new Error(`${name} came back while it was starved`);
    setQuota(rig.name, container, USUAL);
    await waitUntil(`${name} to come back`, async () => isReady(await current()), PATIENCE);
    const restarts = (await current())?.status.containerStatuses[0]?.restartCount;
    if (restarts !== 0) throw new Error(`${name} was restarted ${restarts} times`);
    return `a starved pod was out after ${out.toFixed(0)} s, ${others.answers.length} requests through the Service meanwhile all succeeded, and it came back with 0 restarts`;
  } finally {
    await work.stop();
  }
}

const PATIENCE = { timeoutMs: 120_000, everyMs: 1000 };

async function pods(rig: Rig): Promise<Pod[]> {
  const listed = await rig.kubectl(["get", "pods", "--selector", "app=fastapi-app", "-o", "json"]);
  const { items } = JSON.parse(listed) as { items: Pod[] };
  return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

function isReady(pod: Pod | undefined): boolean {
  return pod?.status.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
}

async function servingAddresses(rig: Rig): Promise<string[]> {
  const path = "jsonpath={.items[*].endpoints[?(@.conditions.ready==true)].addresses[0]}";
  const selector = ["--selector", "kubernetes.io/service-name=fastapi-service"];
  const text = await rig.kubectl(["get", "endpointslices", ...selector, "-o", path]);
  return text.split(" ").filter((address) => address !== "");
}
