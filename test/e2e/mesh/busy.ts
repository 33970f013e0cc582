import { setTimeout as sleep } from "node:timers/promises";
import { consolePage, EVENKEEL, type KubeObject, type Mesh, podsOf, SHOP } from "./cluster.ts";
import { type Answer, sharesOf, type Traffic } from "./traffic.ts";

/** The part of its fair share to which a busy pod's must fall, and from which on it counts as back. */
const FALLEN = 0.5;
const BACK = 0.7;
const LOOK_MS = 100;
const BEFORE_MS = 5000;
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
  if (pod?.status?.podIP === undefined || pods.length < 2) throw new Error(`only ${pods.length} pods of the app`);
  const fair = 1 / pods.length;
  const { name } = pod.metadata;
  await sleep(BEFORE_MS);
  const before = sharesOf(traffic.answers, Date.now() - BEFORE_MS, Date.now()).get(name) ?? 0;
  if (before < BACK * fair)
    throw new Error(`${name} has ${percent(before)} before it is busy, fair were ${percent(fair)}`);
  const stepMs = Number(await mesh.rig.exec(asking(`http://${pod.status.podIP}:8080/busy?ms=${options.busyMs}`)));
  const weightMs = await weightsReach(mesh, pod, stepMs, (relative) => relative < FALLEN, options.busyMs, "falls");
  const endMs = stepMs + options.busyMs;
  await sleep(Math.max(0, endMs - Date.now()));
  const backMs = await weightsReach(
    mesh,
    pod,
    endMs,
    (relative) => relative > BACK,
    options.returnsWithinMs,
    "returns",
  );
  const fromMs = stepMs + (options.fallsWithinMs ?? weightMs + 1000);
  const share = sharesOf(traffic.answers, fromMs, endMs).get(name) ?? 0;
  mesh.say(
    `${name}: ${percent(before)} before, ${percent(share)} while busy; weights after ${weightMs} ms, back after ${backMs} ms; ` +
      `each second ${bySecond(traffic.answers, name, stepMs, Date.now())}`,
  );
  if (share > FALLEN * fair) throw new Error(`${name} had ${percent(share)} of the requests while it was busy`);
  if (options.fallsWithinMs !== undefined && weightMs > options.fallsWithinMs)
    throw new Error(`the weights told of the busy pod after ${weightMs} ms, later than ${options.fallsWithinMs} ms`);
  await shareReturns(traffic, name, fair, options.returnsWithinMs);
  return { weightMs, share, fair, backMs };
}

/** Waits until the busy pod's weight, relative to the heaviest, is as wanted. @returns ms since `sinceMs` */
async function weightsReach(
  { rig }: Mesh,
  pod: KubeObject,
  sinceMs: number,
  wanted: (relative: number) => boolean,
  timeoutMs: number,
  what: string,
): Promise<number> {
  const [controlPlane] = await podsOf(rig, EVENKEEL, "app.kubernetes.io/name=evenkeel-control-plane");
  const address = controlPlane?.status?.podIP ?? "";
  const until = sinceMs + timeoutMs;
  const forward = await rig.forward(`${address}:18001`);
  try {
    for (;;) {
      const relative = await relativeWeight(`http://${forward.host}:${forward.port}/fleet`, pod.status?.podIP ?? "");
      if (relative !== undefined && wanted(relative)) return Date.now() - sinceMs;
      if (Date.now() > until)
        throw new Error(`the weight of the busy pod ${what} not within ${timeoutMs} ms: it is ${relative} of the most`);
      await sleep(LOOK_MS);
    }
  } finally {
    await forward.close();
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

async function shareReturns(traffic: Traffic, name: string, fair: number, timeoutMs: number): Promise<void> {
  const until = Date.now() + timeoutMs + WINDOW_MS;
  for (;;) {
    const share = sharesOf(traffic.answers, Date.now() - WINDOW_MS, Date.now()).get(name) ?? 0;
    if (share >= BACK * fair) return;
    if (Date.now() > until) throw new Error(`the share of ${name} did not return: it is ${percent(share)}`);
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
