import { join } from "node:path";
import { waitUntil } from "../../rig/ready.ts";
import type { Rig } from "../../rig/rig.ts";
import { withFreeRig } from "../support/free-rig.ts";
import { loadEvenkeelImage } from "../support/load-image.ts";
import { makeBusy } from "./busy.ts";
import { disturb } from "./disturb.ts";
import { scaleUpAndDown } from "./scale.ts";
import { costOfUpload } from "./uploads.ts";
import { PATIENCE, readyPods, waitForReady } from "./workers.ts";

const OVERLAY = join(import.meta.dirname, "..", "..", "..", "manifests", "reencrypt", "overlays", "test");
const URL = "http://proxy-master-svc.default.svc.cluster.local";
/** Workers while one is made busy and while pods are deleted. */
const WORKERS = 3;

/**
 * Uploads on a real cluster: the HPA scales the workers up under load and down again, a busy worker gets less, workers, gateway
 * and control plane are deleted under load, and no upload is lost.
 * @returns the line that says what was seen
 */
export async function run(): Promise<string> {
  const started = Date.now();
  const onProgress = (line: string) =>
    void process.stderr.write(`reencrypt ${((Date.now() - started) / 1000).toFixed(0).padStart(4)} s  ${line}\n`);
  return withFreeRig({ name: "reencrypt", with: ["metrics"], onProgress }, (rig) => check(rig, onProgress));
}

async function check(rig: Rig, onProgress: (line: string) => void): Promise<string> {
  onProgress("packing and loading the image");
  await loadEvenkeelImage(rig, { python: true, envoy: true });
  await rig.kubectl(["apply", "--server-side", "-k", OVERLAY]);
  try {
    await waitForService(rig, onProgress);
    const cost = await costOfUpload(rig, URL);
    onProgress(`an upload takes ${cost.toFixed(2)} s of a CPU`);
    const scaled = await scaleUpAndDown(rig, URL, cost, onProgress);
    onProgress(`${WORKERS} workers from now on`);
    const bounds = JSON.stringify({ spec: { minReplicas: WORKERS, maxReplicas: WORKERS } });
    await rig.kubectl(["patch", "hpa", "proxy-worker-hpa", "-p", bounds]);
    const workers = await waitForReady(rig, "proxy-worker", WORKERS);
    const busy = await makeBusy(rig, URL, cost, workers, onProgress);
    const disturbed = await disturb(rig, URL, cost, WORKERS, onProgress);
    return `reencrypt: ${scaled}; ${busy}; ${disturbed}`;
  } catch (error) {
    await tellState(rig);
    throw error;
  }
}

async function waitForService(rig: Rig, onProgress: (line: string) => void): Promise<void> {
  onProgress("waiting for gateway, worker and control plane");
  await waitForReady(rig, "proxy-worker", 1);
  const answers = async () =>
    (await rig.exec(["curl", "-sS", "--max-time", "10", `${URL}/`])).includes("evenkeel worker");
  await waitUntil("an answer of a worker through the gateway", answers, PATIENCE);
  await waitUntil("all gateways", async () => (await readyPods(rig, "proxy-master")).length === 2, PATIENCE);
  const hasFigures = async () =>
    (await rig.kubectl(["top", "pods", "--selector", "app=proxy-worker"])).includes("proxy");
  await waitUntil("figures of the worker's CPU", hasFigures, PATIENCE);
}

/** What helps to find the cause of a failure. */
async function tellState(rig: Rig): Promise<void> {
  const questions = [
    ["get", "pods", "-o", "wide"],
    ["describe", "hpa"],
    ["get", "events", "--sort-by=.lastTimestamp"],
    ...["proxy-master", "proxy-worker", "proxy-control-plane"].map((app) => [
      ...["logs", "--selector", `app=${app}`, "--all-containers", "--prefix", "--tail=40"],
    ]),
  ];
  for (const question of questions) {
    const answer = await rig.kubectl(question).catch((error: Error) => error.message);
    process.stderr.write(`\n$ kubectl ${question.join(" ")}\n${answer}\n`);
  }
}
