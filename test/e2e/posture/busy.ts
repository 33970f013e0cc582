import { availableParallelism } from "node:os";
import { ELIGIBLE_LABEL } from "../../../xds/scaler/names.ts";
import { manifest } from "../../rig/extras/process-service.ts";
import { waitUntil } from "../../rig/ready.ts";
import { requireNoFaults, waitForFree, waitForMark, waitForQuiet, waitForState } from "./cluster.ts";
import { sendImages } from "./images.ts";
import { IMAGE_REPOSITORY, IMAGE_TAG } from "./names.ts";
import type { Place } from "./place.ts";
import { waitForResults } from "./results.ts";
import { NODES } from "./setup.ts";

const [FIRST, SECOND, THIRD] = NODES;
/** A busy node must be out after this time. */
const OUT_MS = 30_000;
const PATIENCE_MS = 240_000;
const FEW = 10;
const BURNER = "burner";
/** Tells when it begins, and keeps every core busy. */
const BURN = `
const { Worker } = require("node:worker_threads");
for (let core = 0; core < ${availableParallelism()}; core += 1) new Worker("for (;;);", { eval: true });
console.log(Date.now());
`;

/** The node with the best slot is made busy by a pod: it gets nothing; when that has ended, it gets the next job. */
export async function busyNode(place: Place, sent: string[]): Promise<string> {
  const { say } = place;
  await waitForFree(place, NODES);
  const outS = await makeBusy(place);
  say(`${FIRST} is out after ${outS} s: the next job must go to ${SECOND}`);
  await expectNode(place, sent, SECOND);
  say(`no longer busy: the next job must go to ${FIRST} again`);
  await endBusy(place);
  await waitForFree(place, NODES);
  await expectNode(place, sent, FIRST);
  requireNoFaults(place);
  return `${FIRST} made busy was out after ${outS} s and got the next job when it was not busy any more`;
}

/**
 * Keeps all cores of the node with the best slot busy, and waits until no job may start on it.
 * @returns after how many seconds that was
 * @throws Error when that was too late
 */
export async function makeBusy(place: Place): Promise<string> {
  const { rig, say } = place;
  say(`making ${FIRST} busy`);
  await rig.kubectl(["apply", "-f", "-"], manifest([burner()]));
  let beganMs = 0;
  const hasBegun = async () => {
    beganMs = Number(await rig.kubectl(["logs", BURNER]));
    return beganMs > 0;
  };
  await waitUntil("the burning", hasBegun, { timeoutMs: PATIENCE_MS, everyMs: 250 });
  await waitForState(place, [FIRST], "busy", PATIENCE_MS);
  // The scheduler goes by the mark.
  await waitForMark(place, FIRST, true, PATIENCE_MS);
  const outMs = Date.now() - beganMs;
  const outS = (outMs / 1000).toFixed(1);
  if (outMs > OUT_MS) throw new Error(`${FIRST} was busy for ${outS} s before it was out`);
  return outS;
}

/** Ends what {@link makeBusy} began. */
export async function endBusy({ rig }: Place): Promise<void> {
  await rig.kubectl(["delete", "pod", BURNER, "--grace-period=0", "--force"]);
}

/** A node without its label gets nothing although there is more work than nodes. */
export async function unlabelledNode(place: Place, sent: string[]): Promise<string> {
  const { rig, ledger, say } = place;
  await waitForFree(place, NODES);
  say(`${SECOND} loses its label`);
  await rig.kubectl(["label", "node", SECOND, `${ELIGIBLE_LABEL}-`]);
  await waitForState(place, [SECOND], "closed", PATIENCE_MS);
  const before = ledger.placements.length;
  const ids = await sendImages(place, 3 * FEW, [0, 1, 2]);
  sent.push(...ids);
  const rows = await waitForResults(place, ids, PATIENCE_MS);
  await waitForQuiet(place);
  const nodes = new Set(ledger.placements.slice(before).map(({ node }) => node));
  if (nodes.has(SECOND) || rows.some(({ node }) => node === SECOND))
    throw new Error(`${SECOND} got a job without its label`);
  if (!nodes.has(FIRST) || !nodes.has(THIRD)) throw new Error(`jobs went to ${[...nodes].join(", ")} only`);
  await rig.kubectl(["label", "node", SECOND, `${ELIGIBLE_LABEL}=true`]);
  requireNoFaults(place);
  return `${SECOND} without its label got nothing while three analysers had work, the others did it`;
}

/** Sends a few images to one analyser, and looks where its job goes. */
export async function expectNode(place: Place, sent: string[], node: string): Promise<void> {
  const before = place.ledger.placements.length;
  const ids = await sendImages(place, FEW, [3]);
  sent.push(...ids);
  await waitForResults(place, ids, PATIENCE_MS);
  await waitForQuiet(place);
  const nodes = place.ledger.placements.slice(before).map((placement) => placement.node);
  if (nodes.length === 0 || nodes.some((each) => each !== node))
    throw new Error(`the job went to ${nodes.join(", ") || "no node"}, not to ${node}`);
}

function burner(): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: BURNER, namespace: "default" },
    spec: {
      nodeName: FIRST,
      restartPolicy: "Never",
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      containers: [{ name: BURNER, image: `docker.io/${IMAGE_REPOSITORY}/analyzer:${IMAGE_TAG}`, args: ["-e", BURN] }],
    },
  };
}
