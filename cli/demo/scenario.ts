import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { EvenkeelError } from "../../common/errors.ts";
import { multipart } from "../load/multipart.ts";
import { observe, type WorkerView } from "./observe.ts";
import { usualPace } from "./pace.ts";
import { Shares } from "./shares.ts";
import type { Stack, StackWorker } from "./stack.ts";
import { type UploadResult, UploadStream, upload } from "./uploads.ts";

const EXAMPLES = join(import.meta.dirname, "..", "..", "examples");
export const UPLOAD_SCRIPT = join(EXAMPLES, "reencrypt.py");

const LOOK_EVERY_MS = 100;
const WARM_UP_MS = 3000;
/** A share is that of so many uploads at least, over so long at least. */
const SHARE_UPLOADS = 24;
const SHARE_S = 8;
/** The promise: the share has fallen by half within this time of the CPU step. */
const FALL_WITHIN_MS = 1000;
/** A weight of this part of the fair one counts as level, for which is waited so long. */
const LEVEL = 0.8;
const LEVEL_WITHIN_MS = 20_000;
/** After this time for the weight to come back, the share over its usual time must have. */
const RETURN_WITHIN_MS = 22_000;

/** What was seen when the scenario was played once. */
export interface Outcome {
  readonly busy: string;
  readonly uploads: number;
  readonly failed: readonly UploadResult[];
  readonly latenciesMs: readonly number[];
  /** Share before, as measured. */
  readonly baselineShare: number;
  /** One by the number of workers: what a share of few uploads scatters around. */
  readonly fairShare: number;
  readonly busyShare: number;
  readonly returnedShare: number;
  /** From the CPU step to half of the weight share; undefined: never. */
  readonly fellAfterMs: number | undefined;
  /** From the end of the burning to the return; undefined: not in time. */
  readonly returnedAfterMs: number | undefined;
}

/** Why the outcome does not hold; empty when it does. Pure. */
export function faults(outcome: Outcome): string[] {
  const found: string[] = [];
  const first = outcome.failed[0];
  if (outcome.uploads === 0) found.push("no upload was answered");
  if (first !== undefined)
    found.push(`${outcome.failed.length} uploads failed; the first: HTTP ${first.status} ${first.body.slice(0, 200)}`);
  if (outcome.fellAfterMs === undefined || outcome.fellAfterMs > FALL_WITHIN_MS)
    found.push(`the weight did not fall by half within ${FALL_WITHIN_MS} ms (${outcome.fellAfterMs ?? "never"})`);
  // Some dozens of uploads make a share that is a few percent off: a low one before must not make the judgement harder.
  const before = Math.max(outcome.baselineShare, outcome.fairShare);
  if (!(outcome.busyShare <= before / 2))
    found.push(`the busy share ${outcome.busyShare.toFixed(3)} is not half of ${before.toFixed(3)}`);
  if (outcome.returnedAfterMs === undefined) found.push("the share did not return");
  return found;
}

/** Uploads a script that burns one CPU for `seconds` of CPU time, straight to a worker: the disturbance of the demo. */
export async function makeBusy(worker: StackWorker, seconds: number): Promise<UploadResult> {
  const script = await multipart(join(EXAMPLES, "burn.py"), "burn.py");
  const text = script.body.toString();
  const body = text.replace(/^SECONDS = .*$/m, `SECONDS = ${seconds}`);
  if (body === text && !text.includes(`SECONDS = ${seconds}\n`))
    throw new EvenkeelError("EK_CHILD_FAILED", "examples/burn.py has no line SECONDS = N");
  return upload(`http://${worker.key}`, { type: script.type, body: Buffer.from(body) });
}

/** Plays the scenario once: a steady stream, one worker made busy, its share falls and returns. Fails, and ends, with the stack. */
export async function playOnce(stack: Stack, onProgress: (line: string) => void): Promise<Outcome> {
  const script = await multipart(UPLOAD_SCRIPT, "reencrypt.py");
  const perSecond = await usualPace(stack.url, script);
  const stream = new UploadStream(stack.url, script);
  onProgress(
    `uploading ${await lines(UPLOAD_SCRIPT)} lines of proxy re-encryption ${perSecond.toFixed(1)} times a second`,
  );
  stream.start(perSecond);
  try {
    return await play(stack, stream, Math.max(SHARE_S, SHARE_UPLOADS / perSecond), onProgress);
  } finally {
    stream.end();
  }
}

/** @param shareS over how long a share is told, in s */
async function play(
  stack: Stack,
  stream: UploadStream,
  shareS: number,
  onProgress: (line: string) => void,
): Promise<Outcome> {
  const busy = stack.workers[0] as StackWorker;
  const fairShare = 1 / stack.workers.length;
  const burnS = Math.ceil(shareS + FALL_WITHIN_MS / 1000);
  const shares = new Shares();
  const look = async (): Promise<WorkerView> => {
    const views = await observe(stack);
    shares.add(performance.now(), views);
    return views.find(({ name }) => name === busy.name) as WorkerView;
  };
  const lookFor = async (ms: number) => {
    for (const end = performance.now() + ms; performance.now() < end; await sleep(LOOK_EVERY_MS)) await look();
  };

  await lookFor(WARM_UP_MS);
  const baselineFrom = performance.now();
  await lookFor(1000 * shareS);
  const baseline = shares.between(baselineFrom, performance.now()).shares.get(busy.name) ?? 0;

  // With few and costly uploads weights move by themselves: from a low one it would seem to fall at once.
  for (const by = performance.now() + LEVEL_WITHIN_MS; performance.now() < by; await sleep(LOOK_EVERY_MS))
    if (((await look()).weightShare ?? 0) >= LEVEL * fairShare) break;
  onProgress(`making ${busy.name} busy for ${burnS} s of CPU time`);
  const step = performance.now();
  let fellAfterMs: number | undefined;
  let burning = true;
  const burn = makeBusy(busy, burnS).finally(() => {
    burning = false;
  });
  while (burning) {
    const { weightShare } = await look();
    if (fellAfterMs === undefined && weightShare !== undefined && weightShare <= fairShare / 2)
      fellAfterMs = Math.round(performance.now() - step);
    await sleep(LOOK_EVERY_MS);
  }
  const burned = await burn;
  if (!burned.ok)
    throw new EvenkeelError("EK_CHILD_FAILED", `the burning script failed: HTTP ${burned.status} ${burned.body}`);
  const end = performance.now();
  // Whatever the burn took, the second after the step is not judged.
  const busyShare = shares.between(step + FALL_WITHIN_MS, end).shares.get(busy.name) ?? 0;

  onProgress(`${busy.name} is free again`);
  let returnedAfterMs: number | undefined;
  let returnedShare = 0;
  while (returnedAfterMs === undefined && performance.now() < end + 1000 * shareS + RETURN_WITHIN_MS) {
    await lookFor(500);
    const now = performance.now();
    if (now < end + 1000 * shareS) continue;
    returnedShare = shares.between(now - 1000 * shareS, now).shares.get(busy.name) ?? 0;
    if (returnedShare > Math.min(baseline, fairShare) / 2) returnedAfterMs = Math.round(now - end);
  }
  await stream.stop();
  return {
    busy: busy.name,
    uploads: stream.results.length,
    failed: stream.results.filter(({ ok }) => !ok),
    latenciesMs: stream.results.map(({ latencyMs }) => latencyMs),
    baselineShare: baseline,
    fairShare,
    busyShare,
    returnedShare,
    fellAfterMs,
    returnedAfterMs,
  };
}

async function lines(path: string): Promise<number> {
  return (await readFile(path, "utf8")).split("\n").length;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
