import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { describeError } from "../../../common/errors.ts";
import { waitUntil } from "../../rig/ready.ts";
import type { Rig } from "../../rig/rig.ts";
import { withFreeRig } from "../support/free-rig.ts";
import { type BusyFigures, type BusyOptions, makeBusy, percent } from "./busy.ts";
import { conditionHolds, EVENKEEL, get, type Mesh, rolledOut, SHOP, serviceAsWritten } from "./cluster.ts";
import { complaints, evidence } from "./evidence.ts";
import { inspect } from "./inspect.ts";
import { applyExample, checkAccounts, install, loadEvenkeel } from "./install.ts";
import { killOperator } from "./kill-operator.ts";
import { busyByMetricsApi } from "./metrics-api.ts";
import { scaleByLoad } from "./scaling.ts";
import { strictPods } from "./strict.ts";
import { startTraffic, type Traffic } from "./traffic.ts";

const URL = "http://sn0.shop.svc.cluster.local/";
const PER_SECOND = 50;
const MINUTE = 60_000;

interface Extent {
  /** Kills of the operator: in takeovers, in updates, in deletions. */
  readonly kills: { readonly takeover: number; readonly update: number; readonly deletion: number };
  readonly awayMs: number;
  readonly busy: BusyOptions;
  /** Also what takes minutes: the HPA, STRICT mutual TLS, and the metrics API as the only source. */
  readonly full: boolean;
}

const WITHIN_A_SECOND: BusyOptions = { busyMs: 6000, fallsWithinMs: 1000, returnsWithinMs: 15_000 };

/** The mesh on a real cluster, all of it: about twenty minutes. @returns the line that says what was seen */
export const run = (): Promise<string> =>
  mesh({ kills: { takeover: 6, update: 8, deletion: 6 }, awayMs: MINUTE, busy: WITHIN_A_SECOND, full: true });

const SHORT = { kills: { takeover: 1, update: 1, deletion: 1 }, awayMs: 10_000, full: false };

/** The same in three minutes: fewer kills, a control plane that is away shorter, without what takes minutes. */
export const runShort = (): Promise<string> => mesh({ ...SHORT, busy: WITHIN_A_SECOND });

/** The short one for machines of any speed: what happens counts, and not how soon. */
export const runUnhurried = (): Promise<string> =>
  mesh({ ...SHORT, busy: { busyMs: 12_000, returnsWithinMs: 2 * MINUTE } });

async function mesh(extent: Extent): Promise<string> {
  const started = Date.now();
  const say = (line: string) =>
    void process.stderr.write(`mesh ${((Date.now() - started) / 1000).toFixed(0).padStart(4)} s  ${line}\n`);
  return await withFreeRig({ name: "mesh", with: ["istio", "metrics"], onProgress: say }, async (rig) => {
    say("packing and loading the image");
    await loadEvenkeel(rig);
    return await check({ rig, say }, extent);
  });
}

async function check(mesh: Mesh, extent: Extent): Promise<string> {
  const { rig, say } = mesh;
  await install(mesh);
  const before = await serviceAsWritten(rig, "sn0");
  const traffic = await startTraffic(rig, URL, PER_SECOND);
  try {
    const seen = await underTraffic(mesh, traffic, extent);
    await givenBack(rig, before);
    await sleep(2000);
    await traffic.stop();
    traffic.check("the end");
    const through = traffic.answers.filter(({ gateway }) => gateway === true).length;
    return (
      `mesh: ${seen}; deletion gave the Service back as it was; ` +
      `${traffic.answers.length} requests, ${through} of them through gateways, 0 failed`
    );
  } catch (error) {
    // What cannot be kept must not hide why the check failed.
    await keepEvidence(mesh).catch((failure: unknown) => say(`no evidence was kept: ${describeError(failure)}`));
    throw error;
  } finally {
    await traffic.stop();
  }
}

/** Results are never committed: the folder is ignored. */
const EVIDENCE = join(import.meta.dirname, "..", "..", "..", "results", "mesh");

async function keepEvidence({ rig, say }: Mesh): Promise<void> {
  const found = await evidence(rig);
  mkdirSync(EVIDENCE, { recursive: true });
  for (const [name, text] of found) writeFileSync(join(EVIDENCE, `${name}.txt`), text);
  const said = complaints(found);
  say(`objects, events and logs are in ${EVIDENCE}${said === "" ? "" : `; the gateways' bad answers:\n${said}`}`);
}

async function underTraffic(mesh: Mesh, traffic: Traffic, extent: Extent): Promise<string> {
  const { rig, say } = mesh;
  const { kills } = extent;
  const seen: string[] = [];
  const step = async (what: string, work: () => Promise<string>) => {
    say(what);
    seen.push(await work());
    traffic.check(what);
  };
  await step("takeover", () => takeOver(mesh));
  await step("inspection", async () => `${await inspect(mesh)}, ${await checkAccounts(rig)}`);
  let withAgent: BusyFigures | undefined;
  await step("one pod is busy", async () => {
    withAgent = await makeBusy(mesh, traffic, extent.busy);
    return `a busy pod's ${tellBusy(withAgent)}`;
  });
  await step("updates, the operator killed in them", () => updates(mesh, kills.update));
  await step("control plane rollout", () => rollout(mesh));
  await step("restarts", () => restarts(mesh));
  await step("control plane away", () => away(mesh, extent.awayMs));
  if (extent.full) {
    await step("autoscaling", async () => `the gateway's HPA went to ${await scaleByLoad(mesh, URL)} pods and back`);
    await step("STRICT mutual TLS", () => strictPods(mesh));
    await step("the metrics API only", async () => {
      const figures = await busyByMetricsApi(mesh, traffic);
      const slower = (withAgent === undefined ? Number.NaN : figures.weightMs / withAgent.weightMs).toFixed(0);
      return `with the metrics API only, a busy pod's ${tellBusy(figures)}: ${slower} times as late as with the agent`;
    });
  }
  await step("deletions and takeovers, the operator killed in them", () => cycles(mesh, traffic, kills));
  await step("deletion", () => remove(mesh).then(() => "deletion"));
  const all = kills.takeover + kills.update + kills.deletion;
  return `${seen.filter((line) => line !== "deletion").join("; ")}; the operator was killed ${all} times`;
}

async function takeOver({ rig, say }: Mesh): Promise<string> {
  const begin = Date.now();
  await applyExample(rig);
  await conditionHolds(rig, "Ready");
  await conditionHolds(rig, "WeightsLive");
  const took = ((Date.now() - begin) / 1000).toFixed(0);
  for (const line of (await rig.kubectl(["get", "ps", "-n", SHOP])).trimEnd().split("\n")) say(line);
  return `ps-s0 Ready ${took} s after its apply`;
}

/** Changes of the specification: another way of picking and back, a path, and other resources, which take new pods. */
const CHANGES = [
  { loadBalancer: "ROUND_ROBIN" },
  { loadBalancer: "LEAST_REQUEST", uri: { matchUriPrefix: "/old", rewriteUri: "/new" } },
  { resources: { requests: { cpu: "60m", memory: "96Mi" } } },
  { uri: null, weights: { mode: "GRPC" } },
  { weights: { mode: "DELTA_GRPC" } },
];

async function updates(mesh: Mesh, kills: number): Promise<string> {
  const { rig } = mesh;
  const count = Math.max(kills, CHANGES.length);
  for (let index = 0; index < count; index += 1) {
    const spec = CHANGES[index % CHANGES.length];
    await rig.kubectl(["patch", "ps", "ps-s0", "-n", SHOP, "--type=merge", "-p", JSON.stringify({ spec })]);
    if (index < kills) await killOperator(mesh, 1500);
  }
  // What the changes leave behind is what the rest begins with.
  const settled = { loadBalancer: "LEAST_REQUEST", uri: null, weights: { mode: "DELTA_GRPC" } };
  await rig.kubectl(["patch", "ps", "ps-s0", "-n", SHOP, "--type=merge", "-p", JSON.stringify({ spec: settled })]);
  await conditionHolds(rig, "Ready");
  await conditionHolds(rig, "WeightsLive");
  await rolledOut(rig, SHOP, "ps-s0");
  return `${count} updates of the specification`;
}

async function rollout({ rig }: Mesh): Promise<string> {
  await rig.kubectl(["rollout", "restart", "deployment/evenkeel-control-plane", "-n", EVENKEEL]);
  await rolledOut(rig, EVENKEEL, "evenkeel-control-plane");
  return "control plane rolled out anew";
}

async function restarts({ rig }: Mesh): Promise<string> {
  await rig.restart("istiod");
  await sleep(3000);
  await rig.restart("kube-apiserver");
  await sleep(3000);
  await waitUntil("the API server", () => rig.kubectl(["get", "ps", "-A"]).then(() => true), { timeoutMs: MINUTE });
  return "istiod and API server restarted";
}

async function away({ rig }: Mesh, awayMs: number): Promise<string> {
  const scale = (replicas: number) =>
    rig.kubectl(["scale", "deployment/evenkeel-control-plane", "-n", EVENKEEL, `--replicas=${replicas}`]);
  await scale(0);
  const gone = async () => {
    const { subsets = [] } = await get<{ subsets?: { addresses?: object[] }[] }>(
      rig,
      "endpoints",
      "evenkeel-control-plane",
      "-n",
      EVENKEEL,
    );
    return subsets.every(({ addresses = [] }) => addresses.length === 0);
  };
  await waitUntil("no control plane", gone, { timeoutMs: MINUTE });
  await sleep(awayMs);
  await scale(2);
  await rolledOut(rig, EVENKEEL, "evenkeel-control-plane");
  await conditionHolds(rig, "WeightsLive");
  return `control plane away for ${awayMs / 1000} s`;
}

async function cycles(mesh: Mesh, traffic: Traffic, kills: Extent["kills"]): Promise<string> {
  const { rig } = mesh;
  const count = Math.max(kills.deletion, kills.takeover, 1);
  for (let cycle = 0; cycle < count; cycle += 1) {
    await rig.kubectl(["delete", "ps", "ps-s0", "-n", SHOP, "--wait=false"]);
    if (cycle < kills.deletion) await killOperator(mesh, 12_000);
    await vanished(rig);
    traffic.check(`deletion ${cycle + 1}`);
    await applyExample(rig);
    if (cycle < kills.takeover) await killOperator(mesh, 12_000);
    await conditionHolds(rig, "Ready");
    await conditionHolds(rig, "WeightsLive");
    traffic.check(`takeover ${cycle + 2}`);
  }
  return `${count + 1} takeovers`;
}

async function remove({ rig }: Mesh): Promise<void> {
  await rig.kubectl(["delete", "ps", "ps-s0", "-n", SHOP, "--wait=false"]);
  await vanished(rig);
}

async function vanished(rig: Rig): Promise<void> {
  const gone = async () => (await rig.kubectl(["get", "ps", "-n", SHOP, "-o", "name"])).trim() === "";
  await waitUntil("the end of ps-s0", gone, { timeoutMs: 4 * MINUTE, everyMs: 500 });
}

async function givenBack(rig: Rig, before: unknown): Promise<void> {
  const after = await serviceAsWritten(rig, "sn0");
  if (!isDeepStrictEqual(after, before))
    throw new Error(`the Service was ${JSON.stringify(before)} and is ${JSON.stringify(after)}`);
  const kinds = "deployments,services,hpa,pdb,configmaps,serviceaccounts,roles,rolebindings";
  const left = await rig.kubectl(["get", kinds, "-n", SHOP, "-l", "msvcbench.io/proxyservice", "-o", "name"]);
  if (left.trim() !== "") throw new Error(`deletion left ${left.trim().replaceAll("\n", ", ")}`);
}

function tellBusy({ weightMs, share, fair, backMs }: BusyFigures): string {
  return (
    `weight fell ${seconds(weightMs)} after its CPU step, its share from ${percent(fair)} to ${percent(share)}, ` +
    `and was level ${seconds(backMs)} after its end`
  );
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
