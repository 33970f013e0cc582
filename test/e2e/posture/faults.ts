import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { waitUntil } from "../../rig/ready.ts";
import { nodeView, requireNoFaults, triggers, waitForFree, waitForQuiet, waitForState } from "./cluster.ts";
import { sendImages } from "./images.ts";
import type { Place } from "./place.ts";
import { rowsOf, waitForResults } from "./results.ts";
import { NODES } from "./setup.ts";
import type { AnalyserPod } from "./watch.ts";

const [FIRST] = NODES;
const PATIENCE_MS = 300_000;
/** For one analyser: several seconds of work. */
const MANY = 120;
/** How many results there are when it is struck. */
const SOME = 10;
/** How long the broker is away, in ms. */
const AWAY_MS = 15_000;
/** Two polls of KEDA and more, in ms. */
const POLLS_MS = 25_000;

/** An analyser in a container ends by SIGKILL in the middle of its work; the next one takes up what it left. */
export async function killedAnalyser(place: Place, sent: string[]): Promise<string> {
  const { say, results } = place;
  await waitForFree(place, NODES);
  say(`${MANY} images to one analyser, which is then killed`);
  const ids = await beginWork(place, sent, [4]);
  const [pod] = place.ledger.live().filter(({ node }) => node === FIRST);
  if (pod === undefined) throw new Error(`no job runs on ${FIRST}`);
  await killContainer(place, pod.name);
  const atKill = rowsOf(results, ids).length;
  say(`killed with ${atKill} of ${MANY} results`);
  if (atKill === MANY) throw new Error("it was killed too late");
  const rows = await waitForResults(place, ids, PATIENCE_MS);
  const pods = new Set(rows.map((row) => row.pod));
  if (pods.size < 2) throw new Error(`one pod wrote all ${rows.length} results`);
  await waitForQuiet(place);
  requireNoFaults(place);
  return `an analyser killed with ${atKill} of ${MANY} results, the rest by another`;
}

/** The broker is killed while three analysers work, and is away for a while. */
export async function killedBroker(place: Place, sent: string[]): Promise<string> {
  const { rig, say, results, broker } = place;
  await waitForFree(place, NODES);
  say(`${2 * MANY} images to two analysers; then the broker is killed`);
  const ids = await beginWork(place, sent, [5, 6]);
  await broker.kill();
  const atKill = rowsOf(results, ids).length;
  say(`killed with ${atKill} of ${ids.length} results`);
  await sleep(AWAY_MS);
  const fault = await triggers(rig);
  if (Array.isArray(fault) || !JSON.stringify(fault).includes("EK_QUEUE_UNREADABLE"))
    throw new Error(`without a broker the scaler says ${JSON.stringify(fault).slice(0, 300)}`);
  await broker.start();
  if (atKill >= ids.length) throw new Error("it was killed too late");
  await waitForResults(place, ids, PATIENCE_MS);
  await waitForQuiet(place);
  requireNoFaults(place);
  return `the broker killed with ${atKill} of ${ids.length} results and away for ${AWAY_MS / 1000} s (EK_QUEUE_UNREADABLE)`;
}

/** No node's agent tells anything: nothing starts on old figures, and the fault is named; then they come back. */
export async function silentNodes(place: Place, sent: string[]): Promise<string> {
  const { agents, say } = place;
  await waitForFree(place, NODES);
  say("all agents are killed");
  for (const agent of agents.values()) await agent.kill();
  await waitForState(place, NODES, "stale", PATIENCE_MS);
  const ids = await expectNone(place, sent, "agent is empty: 0 of 3 agents tell");
  say("the agents come back");
  for (const agent of agents.values()) await agent.start();
  await waitForResults(place, ids, PATIENCE_MS);
  await waitForQuiet(place);
  requireNoFaults(place);
  return `no job started while the nodes' figures were away (EK_FIGURE_STALE to KEDA), all afterwards`;
}

/**
 * Sends images while no node's CPU is known: no job may start, and KEDA must be told why.
 * @param cause what is wrong with the source
 * @returns the images' identifiers
 */
export async function expectNone(place: Place, sent: string[], cause: string): Promise<string[]> {
  const { rig, ledger, say } = place;
  const { why } = await nodeView(rig, FIRST);
  const before = ledger.started;
  say(`images come in; ${FIRST}: ${why}`);
  const logged = readFileSync(rig.log("keda-operator"), "utf8").length;
  const ids = await sendImages(place, 3 * SOME, [7, 8, 9]);
  sent.push(...ids);
  await sleep(POLLS_MS);
  if (ledger.started > before) throw new Error("a job was started on figures that nobody knows");
  const all = await triggers(rig);
  const unknown = Array.isArray(all) ? all.filter(({ state }) => state === "unknown") : [];
  if (unknown.length !== 3) throw new Error(`the scaler says ${JSON.stringify(all).slice(0, 500)}`);
  const told = readFileSync(rig.log("keda-operator"), "utf8").slice(logged);
  for (const word of ["EK_FIGURE_STALE", cause]) if (!told.includes(word)) throw new Error(`KEDA was not told ${word}`);
  return ids;
}

/** Sends many images to each of some analysers, and waits for the first results. @returns the images' identifiers */
export async function beginWork(place: Place, sent: string[], analysers: readonly number[]): Promise<string[]> {
  const ids = await sendImages(place, MANY * analysers.length, analysers);
  sent.push(...ids);
  const hasSome = () => rowsOf(place.results, ids).length >= SOME;
  await waitUntil("first results", hasSome, { timeoutMs: PATIENCE_MS, everyMs: 50 });
  return ids;
}

/** Ends what runs in a pod's container at once. */
async function killContainer({ rig }: Place, name: string): Promise<void> {
  const pod = JSON.parse(await rig.kubectl(["get", "pod", name, "-n", "posture", "-o", "json"])) as AnalyserPod;
  const id = pod.status?.containerStatuses?.[0]?.containerID?.replace("containerd://", "");
  if (id === undefined) throw new Error(`${name} has no container`);
  const processes = readdirSync("/proc").filter((entry) => /^\d+$/.test(entry) && isIn(entry, id));
  if (processes.length === 0) throw new Error(`nothing runs in the container of ${name}`);
  for (const pid of processes) process.kill(Number(pid), "SIGKILL");
}

function isIn(pid: string, container: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, "utf8").includes(container);
  } catch {
    // It has ended meanwhile.
    return false;
  }
}
