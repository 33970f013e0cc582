import { setTimeout as sleep } from "node:timers/promises";
import { consolePage, EVENKEEL, type Mesh, podsOf, SHOP } from "./cluster.ts";
import { type Answer, sharesOf, type Traffic } from "./traffic.ts";

/** The part of its fair share to which a busy pod's must fall, and from which on it counts as back. */
const FALLEN = 0.5;
const BACK = 0.7;
const LOOK_MS = 50;
/** How long shares may take to be level before anything is done. */
const CALM_MS = 60_000;
/** Requests of so long are looked at for a share. */
const WINDOW_MS = 3000;

export interface BusyOptions {
  /** How long the pod is busy, in ms. */
  readonly busyMs: number;
  /** Within which time of the CPU step the share must have fallen; undefined: it is only measured. */
  readonly fallsWithinMs?: number;
  readonly returnsWithinMs: number;
}

export interface BusyFigures {
  /** From the CPU step to the first weights that say so, as the control plane tells them. */
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
export async function makeBusy(mesh: Mesh, traffic: Traffic, options: BusyOptions): Promise<BusyFigures> {
  const pods = await podsOf(mesh.rig, SHOP, "app=s0");
  const [pod] = pods;
  const address = pod?.status?.podIP;
  if (pod === undefined || address === undefined || pods.length < 2)
    throw new Error(`only ${pods.length} pods of the app`);
  const controlPlanes = await podsOf(mesh.rig, EVENKEEL, "app.kubernetes.io/name=evenkeel-control-plane");
  const forwards = await Promise.all(controlPlanes.map(({ status }) => mesh.rig.forward(`${status?.podIP}:18001`)));
  try {
    // Only the replica that the gateway asks knows the cluster.
    const weight = async () => {
      const pages = forwards.map(({ host, port }) => relativeWeight(`http://${host}:${port}/fleet`, address));
      return (await Promise.all(pages)).find((relative) => relative !== undefined);
    };
    return await watchShare(mesh, traffic, options, {
      name: pod.metadata.name,
      address,
      fair: 1 / pods.length,
      weight,
    });
  } finally {
    await Promise.all(forwards.map((forward) => forward.close()));
  }
}

interface BusyPod {
  readonly name: string;
  readonly address: string;
  /** What it would get if all were alike. */
  readonly fair: number;
  /** Its weight as a part of the heaviest. */
  weight(): Promise<number | undefined>;
}

async function watchShare(mesh: Mesh, traffic: Traffic, options: BusyOptions, pod: BusyPod): Promise<BusyFigures> {
  const { busyMs, fallsWithinMs, returnsWithinMs } = options;
  const { name, fair } = pod;
  await sleep(WINDOW_MS);
  const before = await shareIsFair(traffic, name, fair, CALM_MS);
  const stepMs = Number(await mesh.rig.exec(asking(`http://${pod.address}:8080/busy?ms=${busyMs}`)));
  const weightMs = await weightIs(pod, stepMs, (relative) => relative < FALLEN, busyMs);
  const endMs = stepMs + busyMs;
  await sleep(Math.max(0, endMs - Date.now()));
  const backMs = await weightIs(pod, endMs, (relative) => relative > BACK, returnsWithinMs);
  const fromMs = stepMs + (fallsWithinMs ?? weightMs + 1000);
  const share = sharesOf(traffic.answers, fromMs, endMs).get(name) ?? 0;
  mesh.say(
    `${name}: ${percent(before)} before, ${percent(share)} while busy; weights after ${weightMs} ms, back after ${backMs} ms; ` +
      `each second ${bySecond(traffic.answers, name, stepMs, Date.now())}`,
  );
  if (share > FALLEN * fair) throw new Error(`${name} had ${percent(share)} of the requests while it was busy`);
  if (fallsWithinMs !== undefined && weightMs > fallsWithinMs)
    throw new Error(`the weights told of the busy pod after ${weightMs} ms, later than ${fallsWithinMs} ms`);
  await shareIsFair(traffic, name, fair, returnsWithinMs);
  return { weightMs, share, fair, backMs };
}

/** Waits until the busy pod's weight is as wanted. @returns ms since `sinceMs` */
async function weightIs(
  { weight }: BusyPod,
  sinceMs: number,
  wanted: (relative: number) => boolean,
  timeoutMs: number,
): Promise<number> {
  for (;;) {
    const relative = await weight();
    if (relative !== undefined && wanted(relative)) return Date.now() - sinceMs;
    if (Date.now() > sinceMs + timeoutMs)
      throw new Error(`after ${timeoutMs} ms the weight of the busy pod is still ${relative} of the most`);
    await sleep(LOOK_MS);
  }
}

interface Fleet {
  readonly clusters: readonly { readonly endpoints: readonly { readonly key: string; readonly weight?: number }[] }[];
}

async function relativeWeight(url: string, address: string): Promise<number | undefined> {
  const { clusters } = (await (await fetch(url)).json()) as Fleet;
  const endpoints = clusters
    .map((cluster) => cluster.endpoints)
    .find((all) => all.some(({ key }) => isOf(key, address)));
  const own = endpoints?.find(({ key }) => isOf(key, address))?.weight;
  const most = Math.max(...(endpoints ?? []).map(({ weight = 0 }) => weight));
  return own === undefined ? undefined : own / most;
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

function bySecond(answers: readonly Answer[], name: string, fromMs: number, untilMs: number): string {
  const seconds = Math.min(30, Math.ceil((untilMs - fromMs) / 1000));
  return Array.from({ length: seconds }, (_, index) => {
    const start = fromMs + index * 1000;
    return percent(sharesOf(answers, start, start + 1000).get(name) ?? 0);
  }).join(" ");
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
