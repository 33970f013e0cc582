import { relative } from "node:path";
import { describeError } from "../../common/errors.ts";
import { INTERRUPTED, onInterrupt } from "../../common/interrupt.ts";
import { is, loadSettings, type Values } from "../../common/settings.ts";
import { multipart } from "../load/multipart.ts";
import { Latencies, lookAtWorkers } from "./latencies.ts";
import { observe } from "./observe.ts";
import { usualPace } from "./pace.ts";
import { faults, makeBusy, type Outcome, playOnce, UPLOAD_SCRIPT } from "./scenario.ts";
import { Shares } from "./shares.ts";
import { type Stack, type StackWorker, startStack } from "./stack.ts";
import { UploadStream } from "./uploads.ts";
import { quantile, render } from "./view.ts";

const COMMAND = {
  name: "npm run demo --",
  summary:
    "Control plane, workers with agents and a real Envoy on loopback: one worker is made busy, its share falls and returns.",
  settings: {
    once: { flag: "once", parse: is.flag, help: "play the scenario once; exit 0 only if it held" },
    workers: { flag: "workers", value: "N", parse: is.integer(2, 16), default: "4", help: "how many workers" },
    rate: {
      flag: "rate",
      value: "N",
      parse: (text: string) => (text === "auto" ? undefined : is.number(0.1, 100)(text)),
      default: "auto",
      help: "uploads a second of the live demo; auto leaves CPU to the rest of it",
    },
  },
  examples: ["npm run demo", "npm run demo -- --once"],
} as const;

/** What ends the demo with all its parts; SIGHUP is a closed terminal. */
const ENDING = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** `npm run demo`: shows the main job live until Ctrl-C; with `--once`, plays the scenario and judges it. */
export async function main(args: string[]): Promise<number> {
  const loaded = loadSettings(COMMAND, args);
  if (loaded.kind === "help") {
    console.log(loaded.text);
    return 0;
  }
  // Another press does not wait for the parts to end: they are killed at exit.
  const { signal: stopped, release } = onInterrupt(ENDING);
  try {
    return await run(loaded.values, stopped);
  } catch (error) {
    if (stopped.aborted && error === stopped.reason) return INTERRUPTED;
    throw error;
  } finally {
    release();
  }
}

async function run(values: Values<(typeof COMMAND)["settings"]>, stopped: AbortSignal): Promise<number> {
  const progress = (line: string) => console.error(`· ${line}`);
  const stack = await startStack({ workers: values.workers, onProgress: progress, signal: stopped });
  try {
    if (!values.once) return await live(stack, values.rate, stopped);
    const outcome = await Promise.race([playOnce(stack, progress), aborted(stopped)]);
    return outcome === undefined ? INTERRUPTED : summary(outcome);
  } finally {
    await stack.stop();
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

function summary(outcome: Outcome): number {
  const latencies = outcome.latenciesMs.toSorted((a, b) => a - b);
  const share = (value: number) => `${(100 * value).toFixed(1)} %`;
  console.log(`uploads            ${outcome.uploads}, failed ${outcome.failed.length}`);
  console.log(
    `latency            p50 ${quantile(latencies, 0.5).toFixed(0)} ms, p95 ${quantile(latencies, 0.95).toFixed(0)} ms`,
  );
  console.log(
    `share of ${outcome.busy}  ${share(outcome.baselineShare)} before, ${share(outcome.busyShare)} while busy, ${share(outcome.returnedShare)} after`,
  );
  console.log(
    `weight             fell by half after ${outcome.fellAfterMs ?? "-"} ms; share back after ${outcome.returnedAfterMs ?? "-"} ms`,
  );
  const found = faults(outcome);
  for (const fault of found) console.log(`FAULT              ${fault}`);
  console.log(found.length === 0 ? "held" : "did not hold");
  return found.length === 0 ? 0 : 1;
}

const FRAME_MS = 250;
const SHARE_WINDOW_MS = 5000;
const FREE_MS = 10_000;
const BURN_SECONDS = 8;

async function live(stack: Stack, rate: number | undefined, stopped: AbortSignal): Promise<number> {
  const script = await multipart(UPLOAD_SCRIPT, "reencrypt.py");
  const perSecond = rate ?? (await Promise.race([usualPace(stack.url, script), aborted(stopped)]));
  if (perSecond === undefined) return 0;
  const stream = new UploadStream(stack.url, script);
  const shares = new Shares();
  const latencies = new Latencies(SHARE_WINDOW_MS);
  const tryIt = [
    `curl -F file=@${relative(process.cwd(), UPLOAD_SCRIPT)} ${stack.url}/reencrypt`,
    `curl ${stack.consoleUrl}/fleet      curl ${stack.consoleUrl}/metrics`,
    `curl '${stack.envoy.adminUrl}/clusters'`,
    "Ctrl-C ends everything.",
  ];
  let busy: string | undefined;
  let note = "";
  const disturb = async () => {
    for (let turn = 0; !stopped.aborted; turn += 1) {
      await until(FREE_MS, stopped);
      if (stopped.aborted) return;
      const worker = stack.workers[turn % stack.workers.length] as StackWorker;
      busy = worker.name;
      note = `${worker.name} burns a CPU: watch its weight and share fall`;
      await makeBusy(worker, BURN_SECONDS);
      busy = undefined;
      note = `${worker.name} is free again: watch its share return`;
    }
  };
  // What burns is not waited for: it ends with its worker.
  void disturb().catch((error: unknown) => {
    note = describeError(error);
  });
  stream.start(perSecond);
  try {
    const tty = process.stdout.isTTY === true;
    while (!stopped.aborted) {
      const [workers, spent] = await Promise.all([observe(stack), lookAtWorkers(stack)]);
      const now = performance.now();
      shares.add(now, workers);
      latencies.add(now, spent);
      const text = render({
        workers,
        shares: shares.between(now - SHARE_WINDOW_MS, now).shares,
        latencies: latencies.means(),
        busy,
        recent: stream.results.filter(({ startedMs }) => startedMs > now - SHARE_WINDOW_MS),
        sent: stream.results.length + stream.inFlight,
        failed: stream.results.filter(({ ok }) => !ok).length,
        note,
        tryIt,
      });
      process.stdout.write(tty ? `\x1b[H\x1b[J${text}\n` : `${text}\n\n`);
      await until(tty ? FRAME_MS : 2000, stopped);
    }
    return 0;
  } finally {
    stream.end();
  }
}

function until(ms: number, stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      stopped.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    stopped.addEventListener("abort", end);
  });
}
