import { setTimeout as sleep } from "node:timers/promises";
import type { CpuSource } from "../../../xds/signals/signal.ts";
import { consolePage, EVENKEEL, type Mesh, podsOf, SHOP } from "./cluster.ts";
import { type Answer, sharesOf, type Traffic } from "./traffic.ts";

/** The part of its fair share to which a busy pod's must fall, and from which on it counts as back. */
const FALLEN = 0.5;
const BACK = 0.7;
/** Requests of so long, after the time in which a share must have fallen, tell whether it has: about a hundred. */
const SOON_MS = 2000;
const LOOK_MS = 50;
/** How long shares may take to be level before anything is done. */
const CALM_MS = 60_000;
/** Requests of so long are looked at for a share. */
const WINDOW_MS = 3000;

export interface BusyOptions {
  /** Where the pod's CPU must come from; undefined: from anywhere. */
  readonly source?: CpuSource;
  /** How long the pod is busy, in ms. */
  readonly busyMs: number;
  /** From which time after the CPU step on the share must be small; undefined: from a second after the weights on. */
  readonly fallsWithinMs?: number;
  readonly returnsWithinMs: number;
}

export interface BusyFigures {
  /** From the CPU step to the first weights that say so, as the control plane's console shows them to who looks each 50 ms. */
  readonly weightMs: number;
  /** Of the requests asked for from `fallsWithinMs` (or the weights) on, while it was busy. */
  readonly share: number;
  readonly fair: number;
  /** From the end of the CPU step to weights that are level again. */
  readonly backMs: number;
}

/**
 * Makes one pod of several busy and watches its share of the requests.
 * @throws Error when its share does not fall in time, or does not return
 */
export const makeBusy = (mesh: Mesh, traffic: Traffic, options: BusyOptions): Promise<BusyFigures> =>
  withPod(mesh, (pod) => watchShare(mesh, traffic, options, pod));

/** Runs `work` with one of the app's pods, as the control planes see it. */
async function withPod<T>(mesh: Mesh, work: (pod: BusyPod) => Promise<T>): Promise<T> {
  const pods = await podsOf(mesh.rig, SHOP, "app=s0");
  const [pod] = pods;
  const address = pod?.status?.podIP;
  if (pod === undefined || address === undefined || pods.length < 2)
    throw new Error(`only ${pods.length} pods of the app`);
  const controlPlanes = await podsOf(mesh.rig, EVENKEEL, "app.kubernetes.io/name=evenkeel-control-plane");
  const forwards = await Promise.all(controlPlanes.map(({ status }) => mesh.rig.forward(`${status?.podIP}:18001`)));
  try {
    // Only the replica that the gateway asks knows the cluster.
    const view = async () => {
      const pages = forwards.map(({ host, port }) => viewOf(`http://${host}:${port}/fleet`, address));
      return (await Promise.all(pages)).find((each) => each !== undefined);
    };
    return await work({ name: pod.metadata.name, address, fair: 1 / pods.length, view });
  } finally {
    await Promise.all(forwards.map((forward) => forward.close()));
  }
}

interface BusyPod {
  readonly name: string;
  readonly address: string;
  /** What it would get if all were alike. */
  readonly fair: number;
  /** As a control plane has it just now. */
  view(): Promise<PodView | undefined>;
}

interface PodView {
  /** Its weight as a part of the heaviest. */
  readonly weight: number;
  readonly cpu?: { readonly utilisation: number; readonly source: string; readonly ageMs: number };
}

async function watchShare(mesh: Mesh, traffic: Traffic, options: BusyOptions, pod: BusyPod): Promise<BusyFigures> {
  const { busyMs, fallsWithinMs, returnsWithinMs } = options;
  const { name, fair } = pod;
  await sleep(WINDOW_MS);
  const before = await shareIsFair(traffic, name, fair, CALM_MS);
  const stepMs = Number(await mesh.rig.exec(asking(`http://${pod.address}:8080/busy?ms=${busyMs}`)));
  const weightMs = await weightIs(pod, stepMs, (relative) => relative < FALLEN, busyMs);
  const told = (await pod.view())?.cpu;
  if (options.source !== undefined && told?.source !== options.source)
    throw new Error(`the CPU of ${name} comes from ${told?.source ?? "nowhere"}, not from ${options.source}`);
  const endMs = stepMs + busyMs;
  await sleep(Math.max(0, endMs - Date.now()));
  const backMs = await weightIs(pod, endMs, (relative) => relative > BACK, returnsWithinMs);
  const fromMs = stepMs + (fallsWithinMs ?? weightMs + 1000);
  const share = sharesOf(traffic.answers, fromMs, endMs).get(name) ?? 0;
  mesh.say(
    `${name}: ${percent(before)} before, ${percent(share)} while busy; weights after ${weightMs} ms, back after ${backMs} ms; ` +
      `from the CPU step on ${overTime(traffic.answers, name, stepMs, Date.now())}`,
  );
  if (share > FALLEN * fair) throw new Error(`${name} had ${percent(share)} of the requests while it was busy`);
  if (fallsWithinMs !== undefined) {
    const soon = sharesOf(traffic.answers, fromMs, fromMs + SOON_MS).get(name) ?? 0;
    if (soon > FALLEN * fair)
      throw new Error(`${name} had ${percent(soon)} of the requests from ${fallsWithinMs} ms after its CPU step on`);
  }
  await shareIsFair(traffic, name, fair, returnsWithinMs);
  return { weightMs, share, fair, backMs };
}

/** Waits until the busy pod's weight is as wanted. @returns ms since `sinceMs` */
async function weightIs(
  { view }: BusyPod,
  sinceMs: number,
  wanted: (relative: number) => boolean,
  timeoutMs: number,
): Promise<number> {
  for (;;) {
    const relative = (await view())?.weight;
    if (relative !== undefined && wanted(relative)) return Date.now() - sinceMs;
    if (Date.now() > sinceMs + timeoutMs)
      throw new Error(`after ${timeoutMs} ms the weight of the busy pod is still ${relative} of the most`);
    await sleep(LOOK_MS);
  }
}

interface Fleet {
  readonly clusters: readonly {
    readonly endpoints: readonly { readonly key: string; readonly weight?: number; readonly cpu?: PodView["cpu"] }[];
  }[];
}

async function viewOf(url: string, address: string): Promise<PodView | undefined> {
  const { clusters } = (await (await fetch(url)).json()) as Fleet;
  const endpoints = clusters
    .map((cluster) => cluster.endpoints)
    .find((all) => all.some(({ key }) => isOf(key, address)));
  const own = endpoints?.find(({ key }) => isOf(key, address));
  const most = Math.max(...(endpoints ?? []).map(({ weight = 0 }) => weight));
  if (own?.weight === undefined) return undefined;
  return { weight: own.weight / most, ...(own.cpu === undefined ? {} : { cpu: own.cpu }) };
}

const isOf = (key: string, address: string): boolean => key.startsWith(`${address}:`);

/** Waits until a pod's share of the last requests is near its fair one. */
async function shareIsFair(traffic: Traffic, name: string, fair: number, timeoutMs: number): Promise<number> {
  const until = Date.now() + timeoutMs + WINDOW_MS;
  for (;;) {
    const share = sharesOf(traffic.answers, Date.now() - WINDOW_MS, Date.now()).get(name) ?? 0;
    if (share >= BACK * fair) return share;
    if (Date.now() > until)
      throw new Error(`${name} has ${percent(share)} of the requests and is not busy; fair were ${percent(fair)}`);
    await sleep(LOOK_MS);
  }
}

/** Its shares in a row, in some thirty spans of whole seconds. */
function overTime(answers: readonly Answer[], name: string, fromMs: number, untilMs: number): string {
  const spanS = Math.ceil((untilMs - fromMs) / 30_000);
  const shares = Array.from({ length: Math.ceil((untilMs - fromMs) / (spanS * 1000)) }, (_, index) => {
    const start = fromMs + index * spanS * 1000;
    return percent(sharesOf(answers, start, start + spanS * 1000).get(name) ?? 0);
  });
  return `each ${spanS} s: ${shares.join(" ")}`;
}

export const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** The words that ask a URL and print the answer. */
function asking(url: string): string[] {
  return [process.execPath, "-e", `fetch(${JSON.stringify(url)}).then((answer) => answer.text()).then(console.log)`];
}

/** Which clients the control planes know, by the identities that they proved. */
export async function knownClients({ rig }: Mesh): Promise<ReadonlySet<string>> {
  const pods = await podsOf(rig, EVENKEEL, "app.kubernetes.io/name=evenkeel-control-plane");
  const pages = await Promise.all(
    pods.map(({ status }) => consolePage<{ identity?: string }[]>(rig, status?.podIP ?? "", "clients")),
  );
  return new Set(pages.flat().map(({ identity }) => identity ?? "nobody"));
}
