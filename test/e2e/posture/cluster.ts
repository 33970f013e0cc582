import { join } from "node:path";
import { BUSY_LABEL } from "../../../xds/scaler/names.ts";
import type { NodeView } from "../../../xds/scaler/nodes.ts";
import type { TriggerView } from "../../../xds/scaler/release-desk.ts";
import type { SourceStatus } from "../../../xds/signals/kubernetes/source-status.ts";
import { waitUntil } from "../../rig/ready.ts";
import type { Rig } from "../../rig/rig.ts";
import { run } from "../../rig/run.ts";
import { CONTROLLER_HOST, NAMESPACE, SCALER_HOST } from "./names.ts";
import type { Place } from "./place.ts";

const REPOSITORY = join(import.meta.dirname, "..", "..", "..");

/** `evenkeel posture …` on the rig's network. @returns what it said */
export async function posture(rig: Rig, ...words: readonly string[]): Promise<string> {
  const { PATH = "" } = process.env;
  const all = [process.execPath, "cli/evenkeel.ts", "posture", ...words, "--kubeconfig", rig.kubeconfig];
  const [command, ...args] = rig.inside([...all, "--namespace", NAMESPACE]) as [string, ...string[]];
  return run(command, args, { cwd: REPOSITORY, env: { PATH } });
}

/** Asks the scaler's or the controller's HTTP side. A fault of it is an answer too. */
async function ask(rig: Rig, path: string, host: string = SCALER_HOST): Promise<unknown> {
  return JSON.parse(await rig.exec(["curl", "-sS", "--max-time", "10", `http://${host}:8081${path}`]));
}

/** The scaler's view of a node. */
export async function nodeView(rig: Rig, name: string): Promise<NodeView> {
  const { nodes } = (await ask(rig, "/nodes")) as { nodes?: readonly NodeView[] };
  const view = nodes?.find((node) => node.name === name);
  if (view === undefined) throw new Error(`the scaler tells of no node ${name}`);
  return view;
}

/** How the controller's sources of CPU figures are. */
export async function sources(rig: Rig): Promise<readonly SourceStatus[]> {
  return (await ask(rig, "/sources", CONTROLLER_HOST)) as readonly SourceStatus[];
}

/** Every trigger, or the fault for which there is no answer. */
export async function triggers(rig: Rig): Promise<readonly TriggerView[] | { readonly detail: string }> {
  return (await ask(rig, "/triggers")) as readonly TriggerView[] | { readonly detail: string };
}

/** Waits until nodes are free, or are not. */
export async function waitForState(
  place: Place,
  names: Iterable<string>,
  state: NodeView["state"],
  timeoutMs: number,
): Promise<void> {
  for (const name of names) {
    let last = "";
    const holds = async () => {
      const view = await nodeView(place.rig, name);
      last = `${view.state} ${view.why}`;
      return view.state === state;
    };
    await waitUntil(`node ${name} to be ${state}`, holds, { timeoutMs, everyMs: 500 }).catch((error: Error) => {
      throw new Error(`${error.message}; it is ${last}`);
    });
  }
}

/** Waits until jobs may start on all nodes: the scaler has them free, and the scheduler is not kept off them any more. */
export async function waitForFree(place: Place, names: readonly string[], timeoutMs = 240_000): Promise<void> {
  await waitForState(place, names, "free", timeoutMs);
  for (const name of names) await waitForMark(place, name, false, timeoutMs);
}

/** Waits until the controller has marked a node as busy, or has taken the mark away. */
export async function waitForMark({ rig }: Place, name: string, isMarked: boolean, timeoutMs: number): Promise<void> {
  const path = `jsonpath={.metadata.labels.${BUSY_LABEL}}`;
  const holds = async () => ((await rig.kubectl(["get", "node", name, "-o", path])) === "true") === isMarked;
  const what = isMarked ? "the mark of a busy node on" : "no mark of a busy node on";
  await waitUntil(`${what} ${name}`, holds, { timeoutMs, everyMs: 250 });
}

/** Waits until no job runs. */
export async function waitForQuiet(place: Place, timeoutMs = 180_000): Promise<void> {
  await waitUntil("the end of all jobs", () => place.ledger.live().length === 0, { timeoutMs, everyMs: 500 });
}

/** @throws Error with what was wrong of the jobs so far */
export function requireNoFaults({ ledger }: Place): void {
  if (ledger.faults.length > 0) throw new Error(ledger.faults.join("; "));
}
