import { join } from "node:path";
import { PROMETHEUS_QUERY } from "../../../xds/signals/prometheus.ts";
import { waitUntil } from "../../rig/ready.ts";
import { endBusy, expectNode, makeBusy } from "./busy.ts";
import { nodeView, requireNoFaults, sources, waitForFree, waitForQuiet, waitForState } from "./cluster.ts";
import { beginWork, expectNone } from "./faults.ts";
import { NAMESPACE } from "./names.ts";
import type { Place } from "./place.ts";
import { PROMETHEUS_URL, type Prometheus, SCRAPE_S, startPrometheus } from "./prometheus.ts";
import { rowsOf, waitForResults } from "./results.ts";
import { applyPosture, NODES, nodeCgroup, rolledOut, STAND_INS } from "./setup.ts";

const [FIRST, SECOND] = NODES;
const PATIENCE_MS = 300_000;
/** The query that users of the earlier system know, to the letter. */
const QUERY = '1 - avg by (instance)(rate(node_cpu_seconds_total{mode="idle"}[30s]))';
/** Between the question of the controller and ours lies a scrape at most. */
const TOLERANCE = 0.1;

/** The nodes' figures come from a real Prometheus instead of the agents: a busy node, and Prometheus killed in the middle. */
export async function prometheusNodes(place: Place, sent: string[]): Promise<string> {
  const { rig, agents, results, folder, say } = place;
  await using ends = new AsyncDisposableStack();
  say("Prometheus and a node exporter for each node");
  const machines = NODES.map((node) => ({ node, cgroup: nodeCgroup(rig, node) }));
  const prometheus = await startPrometheus(rig, machines, join(folder, "prometheus"), ends);
  // Only the real node can run the controller's new pods; a stand-in would take them and never start them.
  await rig.kubectl(["cordon", ...STAND_INS]);
  await applyPosture(rig, "--cpu-source", "prometheus", "--prometheus-url", PROMETHEUS_URL);
  await rolledOut(rig);
  await rig.kubectl(["uncordon", ...STAND_INS]);
  for (const agent of agents.values()) await agent.kill();
  await waitForFree(place, NODES);
  await expectFigures(place, prometheus);
  await expectPods(place, prometheus);

  const outS = await makeBusy(place);
  const others = await Promise.all(NODES.slice(1).map((name) => utilisation(place, name)));
  const busy = await utilisation(place, FIRST);
  say(`${FIRST} is out after ${outS} s at ${percent(busy)}, the others are at ${others.map(percent).join(" and ")}`);
  if (!others.every((each) => each < busy)) throw new Error("the busy node is not the one with the highest figure");
  await expectNode(place, sent, SECOND);
  await expectFigures(place, prometheus);
  await endBusy(place);
  await waitForFree(place, NODES);

  say("Prometheus is killed while an analyser works");
  const before = place.ledger.placements.length;
  const ids = await beginWork(place, sent, [4]);
  await prometheus.kill();
  const atKill = rowsOf(results, ids).length;
  if (atKill >= ids.length) throw new Error("it was killed too late");
  const back = place.ledger.placements.slice(before).map(({ node }) => node);
  if (back.some((node) => node !== FIRST)) throw new Error(`the job went to ${back.join(", ")}, not to ${FIRST}`);
  await waitForResults(place, ids, PATIENCE_MS);
  await waitForQuiet(place);
  await waitForState(place, NODES, "stale", PATIENCE_MS);
  const [status] = await sources(rig);
  if (status?.state !== "failing" || !status.detail.startsWith("it cannot be reached"))
    throw new Error(`/sources says ${JSON.stringify(status)}`);
  const late = await expectNone(place, sent, "prometheus is failing: it cannot be reached");
  say("Prometheus comes back");
  await prometheus.start();
  await waitForResults(place, late, PATIENCE_MS);
  await waitForQuiet(place);
  requireNoFaults(place);
  return (
    `with Prometheus (node exporters scraped every ${SCRAPE_S} s) ${FIRST} made busy was out after ${outS} s; Prometheus ` +
    `killed with ${atKill} of ${ids.length} results: that job went on, no other started (${status.detail}, EK_FIGURE_STALE ` +
    `to KEDA), all afterwards`
  );
}

/** Waits until the scaler's figures are what the query gives. */
async function expectFigures(place: Place, prometheus: Prometheus): Promise<void> {
  let last = "";
  const holds = async () => {
    const series = await prometheus.ask(QUERY);
    const told = new Map(series.map(({ metric, value }) => [metric.instance, Number(value[1])]));
    const pairs = await Promise.all(
      NODES.map(async (name) => [told.get(name) ?? Number.NaN, await utilisation(place, name)] as const),
    );
    last = pairs.map(([query, view], index) => `${NODES[index]}: ${percent(query)}, told ${percent(view)}`).join("; ");
    return pairs.every(([query, view]) => Math.abs(query - view) < TOLERANCE);
  };
  await waitUntil("the figures of the query", holds, { timeoutMs: 60_000, everyMs: 1000 }).catch((error: Error) => {
    throw new Error(`${error.message}; ${last}`);
  });
  place.say(`the query gives ${last}`);
}

/** Waits until the control plane's query for the weights gives figures of the pods that run, by namespace and name. */
async function expectPods({ rig, say }: Place, prometheus: Prometheus): Promise<void> {
  const running = ["get", "pods", "-n", NAMESPACE, "--selector", "app=posture-controller", "-o", "name"];
  let told = "";
  const holds = async () => {
    const pods = (await rig.kubectl(running)).trim().split("\n");
    const series = await prometheus.ask(PROMETHEUS_QUERY);
    const ours = series.filter(({ metric, value }) => metric.namespace === NAMESPACE && Number(value[1]) > 0);
    told = ours.map(({ metric }) => metric.pod).join(", ");
    return pods.length === 2 && pods.every((pod) => told.includes(pod.replace("pod/", "")));
  };
  const patience = { timeoutMs: 90_000, everyMs: 1000 };
  await waitUntil("figures of the controller's two pods", holds, patience).catch((error: Error) => {
    throw new Error(`${error.message}; there are those of ${told || "nobody"}`);
  });
  say(`the control plane's query gives figures of ${told}`);
}

/** A node's CPU as the scaler has it; NaN while it is not by Prometheus. */
async function utilisation({ rig }: Place, name: string): Promise<number> {
  const { cpu } = await nodeView(rig, name);
  return cpu?.source === "prometheus" ? cpu.utilisation : Number.NaN;
}

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
