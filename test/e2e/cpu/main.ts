import { delimiter, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EVENKEEL_IMAGE } from "../../rig/images/evenkeel.ts";
import { findPrograms } from "../../rig/programs/programs.ts";
import type { Rig } from "../../rig/rig.ts";
import { type RunOptions, run as runProgram } from "../../rig/run.ts";
import { appChart, figure } from "../support/app-chart.ts";
import { type AppSample, takeAppSample } from "../support/app-sample.ts";
import { withFreeRig } from "../support/free-rig.ts";
import { loadEvenkeelImage } from "../support/load-image.ts";
import { failures, type Probe, startProbes } from "./probes.ts";
import { starve } from "./starve.ts";

const REPOSITORY = join(import.meta.dirname, "..", "..", "..");
/** Two users and the probe's own request: three burns at once, at most one and a half of the machine's CPUs. */
const LOAD = { requests: 60, atOnce: 2 } as const;
const SAMPLE_MS = 3000;
/** What "several" pods are. */
const SEVERAL = 3;
/** How long the autoscaler may take to come back to one pod after the load, in ms. */
const DOWN_MS = 300_000;

/**
 * The CPU load app on a real cluster: `evenkeel setup` deploys it, its HPA goes from 1 to several pods under load and back, no
 * request fails, a starved pod is kept out and not restarted, and `evenkeel setup --delete` removes it all.
 * @returns the line that says what was seen
 */
export async function run(): Promise<string> {
  const started = Date.now();
  const onProgress = (line: string) =>
    void process.stderr.write(`cpu ${((Date.now() - started) / 1000).toFixed(0).padStart(4)} s  ${line}\n`);
  return withFreeRig({ name: "cpu", with: ["metrics"], onProgress }, (rig) => check(rig, onProgress));
}

async function check(rig: Rig, onProgress: (line: string) => void): Promise<string> {
  onProgress("packing and loading the image");
  await loadEvenkeelImage(rig);
  await setUp(rig, onProgress, "--skip-build", "--image", EVENKEEL_IMAGE);
  onProgress("shortening the autoscaler's windows");
  const overlay = join(REPOSITORY, "manifests", "cpu-load", "overlays", "test");
  await rig.kubectl(["apply", "--server-side", "--force-conflicts", "-k", overlay]);
  const url = `http://${rig.nodeAddress}:30080`;
  const scaled = await scaleUpAndDown(rig, url, onProgress);
  onProgress("starving a pod");
  const starved = await starve(rig, url);
  await setUp(rig, onProgress, "--delete");
  const left = await rig.kubectl(["get", "deployments,services,hpa,pdb", "-l", "app=fastapi-app", "-o", "name"]);
  if (left.trim() !== "") throw new Error(`setup --delete left ${left.trim().replaceAll("\n", ", ")}`);
  return `cpu: ${scaled}; ${starved}; setup and setup --delete did their work`;
}

/** `evenkeel setup` as a user of the rig's cluster would call it. */
async function setUp(rig: Rig, onProgress: (line: string) => void, ...flags: string[]): Promise<void> {
  const { kubectl = "" } = await findPrograms(["kubectl"], onProgress);
  const env = {
    ...process.env,
    KUBECONFIG: rig.kubeconfig,
    PATH: [dirname(kubectl), process.env.PATH].join(delimiter),
  };
  const said = await inside(rig, ["cli/setup/main.ts", "--cluster", "current", ...flags], { env });
  for (const line of said.trimEnd().split("\n")) onProgress(`setup: ${line}`);
}

/** Runs a file of this repository on the rig's network. */
async function inside(rig: Rig, words: readonly string[], options: RunOptions = {}): Promise<string> {
  const [command, ...args] = rig.inside([process.execPath, ...words]) as [string, ...string[]];
  return runProgram(command, args, { cwd: REPOSITORY, ...options });
}

async function scaleUpAndDown(rig: Rig, url: string, onProgress: (line: string) => void): Promise<string> {
  onProgress(`${LOAD.requests} requests to /load, ${LOAD.atOnce} at once`);
  const begin = Date.now();
  const probes = await startProbes(rig, url, begin, ["/load", "/health"]);
  const samples: AppSample[] = [];
  let isLoading = true;
  const { requests, atOnce } = LOAD;
  const load = inside(rig, [
    "cli/evenkeel.ts",
    "load",
    "cpu",
    "-u",
    url,
    "-n",
    `${requests}`,
    "-c",
    `${atOnce}`,
    "--json",
  ]);
  const ended = load.then(
    () => undefined,
    (error: unknown) => error,
  );
  let quiet: Awaited<ReturnType<typeof startProbes>> | undefined;
  try {
    void ended.then(() => {
      isLoading = false;
    });
    while (isLoading) samples.push(await nextSample(rig, begin));
    const failure = await ended;
    if (failure !== undefined) throw failure;
    await probes.stop();
    onProgress("the load is over: waiting for the autoscaler to come back to one pod");
    quiet = await startProbes(rig, url, begin, ["/health"]);
    const deadline = Date.now() + DOWN_MS;
    for (;;) {
      const sample = await nextSample(rig, begin);
      samples.push(sample);
      if (sample.wanted === 1 && sample.ready === 1) break;
      if (Date.now() > deadline) throw new Error(`after ${DOWN_MS / 1000} s there are still ${sample.wanted} pods`);
    }
  } finally {
    await Promise.all([probes.stop(), quiet?.stop()]);
    process.stdout.write(`${draw(samples, [...probes.answers, ...(quiet?.answers ?? [])])}\n`);
  }
  return judge(samples, JSON.parse(await load) as Figures, [...probes.answers, ...quiet.answers]);
}

interface Figures {
  readonly successful: number;
  readonly failed: number;
}

async function nextSample(rig: Rig, begin: number): Promise<AppSample> {
  await sleep(SAMPLE_MS);
  return takeAppSample(rig, "fastapi-app", (Date.now() - begin) / 1000);
}

function draw(samples: readonly AppSample[], probes: readonly Probe[]): string {
  const slowest = (path: Probe["path"], from: number, to: number) =>
    figure(
      probes
        .filter((probe) => probe.path === path && !probe.failed && probe.at > from && probe.at <= to)
        .map(({ ms }) => ms),
      (values) => Math.max(...values),
    );
  return appChart(samples, [
    { title: "/load ms", text: (from, to) => slowest("/load", from, to) },
    { title: "/health ms", text: (from, to) => slowest("/health", from, to) },
  ]);
}

function judge(samples: readonly AppSample[], figures: Figures, probes: Parameters<typeof failures>[0]): string {
  const most = Math.max(...samples.map(({ ready }) => ready));
  const restarts = Math.max(...samples.map((sample) => sample.restarts));
  const first = samples.find(({ ready }) => ready > 1)?.at ?? Number.NaN;
  const failed = failures(probes);
  if (most < SEVERAL) throw new Error(`the autoscaler went to ${most} pods only`);
  if (figures.failed > 0 || figures.successful !== LOAD.requests)
    throw new Error(`${figures.failed} of ${LOAD.requests} requests failed`);
  if (failed !== "") throw new Error(`probes failed: ${failed}`);
  if (restarts > 0) throw new Error(`containers were restarted ${restarts} times`);
  return (
    `the HPA went from 1 to ${most} pods (the second ready after ${first.toFixed(0)} s) and back to 1; ` +
    `${figures.successful} loads and ${probes.length} probes, 0 failed, 0 restarts`
  );
}
