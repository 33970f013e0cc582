import { setTimeout as sleep } from "node:timers/promises";
import type { Rig } from "../../rig/rig.ts";

const CONSOLE = "proxy-control-plane.default.svc.cluster.local:18001";
const LOOK_MS = 1000;
const LOOK_TIMEOUT_MS = 10_000;

/** What the control plane knows of a worker at a moment. */
export interface Known {
  /** Its CPU, 0 to 1; NaN: unknown. */
  readonly cpu: number;
  /** Its weight's part of all weights, 0 to 1; NaN: unknown. */
  readonly weightShare: number;
}

/** All workers at one moment. */
export interface Look {
  /** Since the beginning, in seconds. */
  readonly at: number;
  /** By address. */
  readonly workers: ReadonlyMap<string, Known>;
}

/** Looks that go on. */
export interface Watching {
  readonly looks: readonly Look[];
  stop(): Promise<void>;
}

/** Asks the control plane's console each second. A look that fails is left out. */
export async function watchControlPlane(rig: Rig): Promise<Watching> {
  const { host, port, close } = await rig.forward(CONSOLE);
  const begin = Date.now();
  const looks: Look[] = [];
  const ending = new AbortController();
  const watching = (async () => {
    while (!ending.signal.aborted) {
      const page = await fetch(`http://${host}:${port}/fleet`, { signal: AbortSignal.timeout(LOOK_TIMEOUT_MS) })
        .then((response) => response.json() as Promise<FleetPage>)
        .catch(() => undefined);
      if (page !== undefined) looks.push({ at: (Date.now() - begin) / 1000, workers: knownIn(page) });
      await sleep(LOOK_MS, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  })();
  return {
    looks,
    async stop() {
      ending.abort();
      await watching;
      await close();
    },
  };
}

/** The part of `/fleet` that is read here. */
export interface FleetPage {
  readonly clusters: readonly {
    readonly endpoints: readonly {
      readonly key: string;
      readonly weight?: number;
      readonly cpu?: { readonly utilisation: number };
    }[];
  }[];
}

export function knownIn({ clusters }: FleetPage): Map<string, Known> {
  const endpoints = clusters.flatMap((cluster) => cluster.endpoints);
  const total = endpoints.reduce((sum, { weight = Number.NaN }) => sum + weight, 0);
  return new Map(
    endpoints.map(({ key, weight = Number.NaN, cpu }) => [
      key.replace(/:\d+$/, ""),
      { cpu: cpu?.utilisation ?? Number.NaN, weightShare: weight / total },
    ]),
  );
}

/** Draws one worker's CPU and its part of the weights over time, beside the mean CPU of the others. */
export function drawWorker(looks: readonly Look[], address: string): string {
  const rows = looks.flatMap(({ at, workers }) => {
    const own = workers.get(address);
    if (own === undefined) return [];
    const others = [...workers].filter(([other]) => other !== address).map(([, { cpu }]) => cpu);
    const figures = [own.cpu, own.weightShare, mean(others)].map((value) => percent(value).padStart(9));
    return [`${at.toFixed(0).padStart(5)} ${figures.join(" ")}  ${"#".repeat(Math.round(own.weightShare * 60) || 0)}`];
  });
  return ["    s  its CPU  its part  others' CPU (mean), its part of the weights", ...rows].join("\n");
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
