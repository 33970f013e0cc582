import { waitUntil } from "../../rig/ready.ts";
import type { Rig } from "../../rig/rig.ts";

export const PATIENCE = { timeoutMs: 180_000, everyMs: 1000 } as const;

interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** A pod that is ready and stays. */
export interface ReadyPod {
  readonly name: string;
  readonly address: string;
}

/** @param app the value of the label `app` */
export async function readyPods(rig: Rig, app: string): Promise<ReadyPod[]> {
  const listed = await rig.kubectl(["get", "pods", "--selector", `app=${app}`, "-o", "json"]);
  const { items } = JSON.parse(listed) as { items: Pod[] };
  return items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .filter(({ status }) => status.conditions?.some(({ type, status }) => type === "Ready" && status === "True"))
    .map(({ metadata, status }) => ({ name: metadata.name, address: status.podIP ?? "" }));
}

export async function waitForReady(rig: Rig, app: string, count: number): Promise<ReadyPod[]> {
  let found: ReadyPod[] = [];
  const areReady = async () => {
    found = await readyPods(rig, app);
    return found.length === count;
  };
  await waitUntil(`${count} ready pods of ${app}`, areReady, PATIENCE);
  return found;
}

/** How many uploads each worker has been given so far, by address: those that have ended and those that it holds. */
export async function givenUploads(rig: Rig, workers: readonly ReadyPod[]): Promise<Map<string, number>> {
  const given = workers.map(async ({ address }) => {
    const url = `http://${address}:8080/metrics`;
    return [address, uploadsIn(await rig.exec(["curl", "-sSf", "--max-time", "30", url]))] as const;
  });
  return new Map(await Promise.all(given));
}

/** Reads that number out of a worker's `/metrics`. */
export function uploadsIn(metrics: string): number {
  const matches = metrics.matchAll(/^worker_jobs_(?:total\{outcome="[a-z]+"\}|running|queued) (\d+)$/gm);
  return [...matches].reduce((sum, [, value]) => sum + Number(value), 0);
}

/** Each worker's share of the uploads between two looks, 0 to 1, and how many these were. */
export function sharesBetween(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): { shares: Map<string, number>; uploads: number } {
  const taken = new Map([...after].map(([address, count]) => [address, count - (before.get(address) ?? 0)]));
  const uploads = [...taken.values()].reduce((sum, count) => sum + count, 0);
  return { shares: new Map([...taken].map(([address, count]) => [address, count / Math.max(1, uploads)])), uploads };
}
