import { setTimeout as sleep } from "node:timers/promises";
import { waitUntil } from "../../rig/ready.ts";
import type { Rig } from "../../rig/rig.ts";
import { requireAll, startUploads } from "./uploads.ts";
import { PATIENCE, type ReadyPod, readyPods, waitForReady } from "./workers.ts";

/** CPUs that the uploads take. */
const LOAD_CPUS = 0.35;
/** How long uploads go on after each blow, in ms. */
const AFTER_MS = 8000;
const GATEWAYS = 2;

/**
 * Deletes workers, a gateway and the control plane while uploads come in.
 * @param cost of one upload, in s of a CPU
 * @param workers how many there are, and will be again
 * @returns what was seen
 * @throws Error when an upload is lost; it names the blow after which that was
 */
export async function disturb(
  rig: Rig,
  url: string,
  cost: number,
  workers: number,
  onProgress: (line: string) => void,
): Promise<string> {
  const blows: readonly (readonly [what: string, strike: () => Promise<void>])[] = [
    ["a worker deleted", () => replaceOne(rig, "proxy-worker", workers)],
    ["another worker deleted", () => replaceOne(rig, "proxy-worker", workers)],
    ["a gateway deleted", () => replaceOne(rig, "proxy-master", GATEWAYS)],
    ["the control plane killed", () => killControlPlane(rig)],
    ["a worker deleted while there is no control plane", () => replaceWorkerUnseen(rig, workers)],
  ];
  let count = 0;
  for (const [what, strike] of blows) {
    onProgress(what);
    const uploads = await startUploads(rig, url, LOAD_CPUS / cost, Date.now());
    try {
      await sleep(2000);
      await strike();
      await sleep(AFTER_MS);
    } finally {
      await uploads.stop();
    }
    requireAll(uploads.answered);
    count += uploads.answered.length;
  }
  return `2 workers, a gateway and the control plane deleted, and a worker without a control plane: ${count} uploads, 0 lost`;
}

async function replaceOne(rig: Rig, app: string, count: number): Promise<void> {
  const [pod] = (await waitForReady(rig, app, count)) as [ReadyPod];
  await rig.kubectl(["delete", "pod", pod.name, "--wait=false"]);
  await waitUntilGone(rig, pod.name);
  await waitForReady(rig, app, count);
}

/** At once, as a crash would. */
async function killControlPlane(rig: Rig): Promise<void> {
  const [pod] = (await waitForReady(rig, "proxy-control-plane", 1)) as [ReadyPod];
  await rig.kubectl(["delete", "pod", pod.name, "--grace-period=0", "--force"]);
  await sleep(1000);
  await waitForReady(rig, "proxy-control-plane", 1);
}

/** The gateway hears of it from the worker alone. */
async function replaceWorkerUnseen(rig: Rig, count: number): Promise<void> {
  await rig.kubectl(["scale", "deployment", "proxy-control-plane", "--replicas=0"]);
  await waitUntil(
    "the control plane's end",
    async () => (await readyPods(rig, "proxy-control-plane")).length === 0,
    PATIENCE,
  );
  await replaceOne(rig, "proxy-worker", count);
  await rig.kubectl(["scale", "deployment", "proxy-control-plane", "--replicas=1"]);
  await waitForReady(rig, "proxy-control-plane", 1);
}

async function waitUntilGone(rig: Rig, pod: string): Promise<void> {
  const isGone = async () => (await rig.kubectl(["get", "pod", pod, "--ignore-not-found", "-o", "name"])).trim() === "";
  await waitUntil(`the end of ${pod}`, isGone, { ...PATIENCE, timeoutMs: 260_000 });
}
