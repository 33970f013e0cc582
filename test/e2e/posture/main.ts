import { rm } from "node:fs/promises";
import { findNatsServer } from "../../../common/program/pins/nats-server.ts";
import { findNodeExporter } from "../../../common/program/pins/node-exporter.ts";
import { findPrometheus } from "../../../common/program/pins/prometheus.ts";
import { temporaryFolder } from "../../../common/temporary-folder.ts";
import { BUSY_LABEL, ELIGIBLE_LABEL, SLOT_LABEL } from "../../../xds/scaler/names.ts";
import type { Rig } from "../../rig/rig.ts";
import { withFreeRig } from "../support/free-rig.ts";
import { busyNode, unlabelledNode } from "./busy.ts";
import { posture, requireNoFaults } from "./cluster.ts";
import { killedAnalyser, killedBroker, silentNodes } from "./faults.ts";
import { NAMESPACE } from "./names.ts";
import type { Place } from "./place.ts";
import { prometheusNodes } from "./prometheus-nodes.ts";
import { refusal } from "./refusal.ts";
import { judgeRows, readRows } from "./results.ts";
import { setUp } from "./setup.ts";
import { spread } from "./spread.ts";

/**
 * Posture jobs on a real cluster with the real KEDA, a real broker and real Jobs: images of ten topics on three nodes, a busy
 * node, a node without its label, and analyser, broker, agents and Prometheus lost in the middle.
 * @returns the line that says what was seen
 */
export async function run(): Promise<string> {
  const started = Date.now();
  const say = (line: string) =>
    void process.stderr.write(`posture ${((Date.now() - started) / 1000).toFixed(0).padStart(4)} s  ${line}\n`);
  // What is not in the cache yet is built now, not while a cluster waits for it.
  for (const find of [findNatsServer, findNodeExporter, findPrometheus]) await find({ onProgress: say });
  return withFreeRig({ name: "posture", with: ["keda"], onProgress: say }, async (rig) => {
    const folder = await temporaryFolder("posture");
    try {
      return await check(rig, folder, say);
    } catch (error) {
      await tellState(rig);
      throw error;
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    }
  });
}

async function check(rig: Rig, folder: string, say: (line: string) => void): Promise<string> {
  await using ends = new AsyncDisposableStack();
  const place = await setUp(rig, folder, say, ends);
  const sent: string[] = [];
  const seen = [];
  const parts = [spread, busyNode, unlabelledNode, killedAnalyser, killedBroker, silentNodes, prometheusNodes, refusal];
  for (const part of parts) {
    seen.push(await part(place, sent));
    say(`held: ${seen.at(-1)}`);
  }
  judgeRows(readRows(place.results), sent);
  requireNoFaults(place);
  seen.push(
    `in all ${sent.length} images, 0 lost, 0 twice; the longest wait of a job for its node was ${waitOf(place)} s`,
  );
  seen.push(await stopAll(place));
  return `posture: ${seen.join("; ")}`;
}

function waitOf({ ledger }: Place): string {
  return (ledger.longestWaitMs / 1000).toFixed(1);
}

/** `evenkeel posture stop` takes away what apply and the controller made, and leaves what is ours. */
async function stopAll({ rig, say }: Place): Promise<string> {
  say("evenkeel posture stop");
  await posture(rig, "stop");
  const kinds = "scaledjobs,triggerauthentications,jobs,deployments,pods,serviceaccounts,roles,rolebindings,leases";
  const names = await rig.kubectl(["get", kinds, "-n", NAMESPACE, "-o", "name"]);
  const left = names.split("\n").filter((name) => name !== "" && name !== "serviceaccount/default");
  if (left.length > 0) throw new Error(`posture stop left ${left.join(", ")}`);
  const { items } = JSON.parse(await rig.kubectl(["get", "nodes", "-o", "json"])) as {
    items: { metadata: { name: string; labels: Record<string, string> } }[];
  };
  for (const { metadata } of items)
    if (metadata.labels[ELIGIBLE_LABEL] !== "true" || metadata.labels[BUSY_LABEL] !== undefined)
      throw new Error(`posture stop left ${metadata.name} with ${JSON.stringify(metadata.labels)}`);
  const slots = items.flatMap(({ metadata }) => metadata.labels[SLOT_LABEL] ?? []).sort();
  if (slots.join() !== "slot-1,slot-2") throw new Error(`posture stop left the slots ${slots.join(", ")}`);
  await rig.kubectl(["get", "service", "nats", "-n", NAMESPACE]);
  return "posture stop left nothing of its own and all of ours";
}

/** What helps to find the cause of a failure. */
async function tellState(rig: Rig): Promise<void> {
  const questions = [
    ["get", "nodes", "--show-labels"],
    ["get", "scaledjobs,jobs,pods", "-n", NAMESPACE, "-o", "wide"],
    ["get", "events", "-n", NAMESPACE, "--sort-by=.lastTimestamp"],
    ...["posture-controller", "posture-external-scaler", "posture-analyzer"].map((app) => [
      ...["logs", "-n", NAMESPACE, "--selector", `app=${app}`, "--prefix", "--tail=30", "--ignore-errors"],
    ]),
  ];
  for (const question of questions) {
    const answer = await rig.kubectl(question).catch((error: Error) => error.message);
    process.stderr.write(`\n$ kubectl ${question.join(" ")}\n${answer}\n`);
  }
}
