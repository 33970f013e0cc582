import { setTimeout as sleep } from "node:timers/promises";
import type { Rig } from "../../rig/rig.ts";
import { drawWorker, mean, percent, watchControlPlane } from "./known.ts";
import { requireAll, startUploads } from "./uploads.ts";
import { givenUploads, type ReadyPod, sharesBetween } from "./workers.ts";

/** CPUs that the uploads take. */
const LOAD_CPUS = 0.3;
/** An endpoint gets no more than its part in its first 10 s, and load reports count for 10 s. */
const WARM_UP_MS = 15_000;
const CALM_MS = 40_000;
const BURN_MS = 60_000;
/** From the burn's start to the first look: its start itself, and the control plane's second. */
const NOTICED_MS = 4000;
/** The share is looked at over this time until it has returned. */
const RETURN_WINDOW_MS = 20_000;
const RETURN_WITHIN_MS = 120_000;

/** So many at once, that an upload gets a fifth of the worker's CPU and not half of it. */
const BURNERS = 4;

const BURN = `import os, time
end = time.monotonic() + ${BURN_MS / 1000}
for _ in range(${BURNERS - 1}):
    if os.fork() == 0: break
while time.monotonic() < end: pass`;

/**
 * Makes one of some workers busy by processes inside its pod: its share of the uploads must fall to half or less, and return.
 * @param cost of one upload, in s of a CPU
 * @returns what was seen
 */
export async function makeBusy(
  rig: Rig,
  url: string,
  cost: number,
  workers: readonly ReadyPod[],
  onProgress: (line: string) => void,
): Promise<string> {
  const [busy] = workers as [ReadyPod, ...ReadyPod[]];
  const uploads = await startUploads(rig, url, LOAD_CPUS / cost, Date.now());
  const watching = await watchControlPlane(rig);
  const over = async (during: () => Promise<unknown>) => {
    const before = await givenUploads(rig, workers);
    const from = watching.looks.length;
    await during();
    const { shares, uploads: count } = sharesBetween(before, await givenUploads(rig, workers));
    const known = watching.looks.slice(from).flatMap((look) => look.workers.get(busy.address) ?? []);
    const cpu = mean(known.map((each) => each.cpu));
    const share = shares.get(busy.address) ?? 0;
    return { share, text: `${percent(share)} of ${count} uploads at ${percent(cpu)} CPU` };
  };
  try {
    await sleep(WARM_UP_MS);
    const calm = await over(() => sleep(CALM_MS));
    onProgress(`${busy.name} has ${calm.text}; making it busy`);
    const burn = rig.kubectl(["exec", busy.name, "--container", "proxy-worker", "--", "python3", "-c", BURN]);
    // Awaited below; until then a failure is nobody's.
    burn.catch(() => undefined);
    await sleep(NOTICED_MS);
    const during = await over(() => burn);
    onProgress(`busy, ${busy.name} had ${during.text}`);
    if (!(during.share <= calm.share / 2))
      throw new Error(`the busy worker's share did not fall by half: ${calm.text}, then ${during.text}`);
    const after = await waitForReturn(calm.share / 2, () => over(() => sleep(RETURN_WINDOW_MS)));
    onProgress(`${busy.name} has ${after} again`);
    await uploads.stop();
    requireAll(uploads.answered);
    return `a busy worker had ${calm.text} before, ${during.text} while busy, ${after} after`;
  } finally {
    await Promise.all([uploads.stop(), watching.stop()]);
    process.stdout.write(`${drawWorker(watching.looks, busy.address)}\n`);
  }
}

async function waitForReturn(above: number, look: () => Promise<{ share: number; text: string }>): Promise<string> {
  for (const deadline = Date.now() + RETURN_WITHIN_MS; ; ) {
    const { share, text } = await look();
    if (share > above) return text;
    if (Date.now() > deadline) throw new Error(`the share did not return: ${text}`);
  }
}
