import { setTimeout as sleep } from "node:timers/promises";
import { median } from "../../../common/median.ts";
import type { Rig } from "../../rig/rig.ts";
import { appChart, figure } from "../support/app-chart.ts";
import { type AppSample, takeAppSample } from "../support/app-sample.ts";
import { requireAll, startUploads, type Upload } from "./uploads.ts";

/** CPUs that the uploads take: at 75 % of what a pod of the test overlay asks for (0.15), three pods and more. */
const LOAD_CPUS = 0.4;
/** While the pods go away again; one is enough for it. */
const QUIET_CPUS = 0.03;
/** What "several" pods are. */
const SEVERAL = 3;
/** How long the load stays once there are several, in ms. */
const STAY_MS = 20_000;
const UP_MS = 300_000;
const DOWN_MS = 420_000;
const SAMPLE_MS = 3000;

/**
 * Uploads until the autoscaler has made several workers, then few until it is back at one, and draws a chart.
 * @param cost of one upload, in s of a CPU
 * @returns what was seen
 * @throws Error when it does not happen in time or an upload is lost
 */
export async function scaleUpAndDown(
  rig: Rig,
  url: string,
  cost: number,
  onProgress: (line: string) => void,
): Promise<string> {
  const begin = Date.now();
  const samples: AppSample[] = [];
  const uploads: Upload[] = [];
  const look = async () => {
    await sleep(SAMPLE_MS);
    const sample = await takeAppSample(rig, "proxy-worker", (Date.now() - begin) / 1000);
    samples.push(sample);
    return sample;
  };
  const under = async (cpus: number, until: string, work: () => Promise<void>) => {
    onProgress(`${(cpus / cost).toFixed(2)} uploads a second until ${until}`);
    const load = await startUploads(rig, url, cpus / cost, begin);
    try {
      await work();
    } finally {
      await load.stop().finally(() => uploads.push(...load.answered));
    }
  };
  try {
    await under(LOAD_CPUS, `there are ${SEVERAL} workers`, async () => {
      for (const deadline = Date.now() + UP_MS; (await look()).ready < SEVERAL; )
        if (Date.now() > deadline)
          throw new Error(`after ${UP_MS / 1000} s there are ${samples.at(-1)?.ready} workers`);
      for (const end = Date.now() + STAY_MS; Date.now() < end; ) await look();
    });
    await under(QUIET_CPUS, "there is one worker again", async () => {
      for (const deadline = Date.now() + DOWN_MS; !isBack(await look()); )
        if (Date.now() > deadline)
          throw new Error(`after ${DOWN_MS / 1000} s there are still ${samples.at(-1)?.wanted} workers`);
    });
  } finally {
    process.stdout.write(`${draw(samples, uploads)}\n`);
  }
  requireAll(uploads);
  const restarts = Math.max(...samples.map((sample) => sample.restarts));
  if (restarts > 0) throw new Error(`containers were restarted ${restarts} times`);
  const most = Math.max(...samples.map(({ ready }) => ready));
  const first = samples.find(({ ready }) => ready > 1)?.at ?? Number.NaN;
  return `the HPA went from 1 to ${most} workers (the second ready after ${first.toFixed(0)} s) and back to 1, ${uploads.length} uploads, 0 lost`;
}

/** One worker is wanted, is there, and no other one still ends. */
function isBack({ wanted, ready, ending }: AppSample): boolean {
  return wanted === 1 && ready === 1 && ending === 0;
}

function draw(samples: readonly AppSample[], uploads: readonly Upload[]): string {
  const between = (from: number, to: number) => uploads.filter(({ at }) => at > from && at <= to);
  const latencies = (from: number, to: number) =>
    between(from, to)
      .filter(({ ok }) => ok)
      .map(({ ms }) => ms);
  return appChart(samples, [
    { title: "uploads", text: (from, to) => `${between(from, to).length}` },
    { title: "lost", text: (from, to) => `${between(from, to).filter(({ ok }) => !ok).length}` },
    { title: "median ms", text: (from, to) => figure(latencies(from, to), median) },
    { title: "slowest ms", text: (from, to) => figure(latencies(from, to), (values) => Math.max(...values)) },
  ]);
}
