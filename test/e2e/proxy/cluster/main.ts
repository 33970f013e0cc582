import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemCaFile } from "../../../../sidecar/reverse-proxy/tls.ts";
import { file } from "../../../rig/images/layer.ts";
import { waitUntil } from "../../../rig/ready.ts";
import type { Rig } from "../../../rig/rig.ts";
import { startTraffic, type Traffic } from "../../mesh/traffic.ts";
import { withFreeRig } from "../../support/free-rig.ts";
import { loadEvenkeelImage } from "../../support/load-image.ts";
import type { WrittenService } from "../process.ts";
import { chiSquare } from "../uniform.ts";
import { type InstalledChart, installChart, NODE_PORT } from "./chart.ts";
import { allowInterception } from "./interception.ts";
import { ENTRY_HOST, HOST_PORT, hostObjects, serviceEntry, strict } from "./objects.ts";

const HOST_PROGRAM = join(import.meta.dirname, "host.ts");
const HEALTH_CHECK = "/api/v2/_health_check";
const PER_SECOND = 20;
/** The kubelet brings a ConfigMap to the pods within a minute or so. */
const EDIT = { timeoutMs: 180_000, everyMs: 1000 };
const PATIENCE = { timeoutMs: 240_000, everyMs: 1000 };
const DRAWS = 200;
/** Chi-square of two hosts that a fair draw exceeds once in a hundred thousand times. */
const MOST_CHI_SQUARE = 19.5;

type Say = (line: string) => void;

/**
 * The reverse proxy's Helm chart on a real cluster: the objects that the earlier system's users know, edits, a control plane that
 * tells the pods what to serve, and a mesh with a Service and a ServiceEntry as hosts. Steady requests lose nothing.
 * @returns what was seen
 * @throws Error when something does not hold
 */
export async function onCluster(): Promise<string> {
  const started = Date.now();
  const say: Say = (line) =>
    void process.stderr.write(`proxy ${((Date.now() - started) / 1000).toFixed(0).padStart(4)} s  ${line}\n`);
  return withFreeRig({ name: "proxy", with: ["istio", "metrics"], onProgress: say }, async (rig) => {
    const folder = await mkdtemp(join(tmpdir(), "evenkeel-e2e-chart-"));
    try {
      return await check(rig, folder, say);
    } catch (error) {
      await tellState(rig);
      throw error;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

async function check(rig: Rig, folder: string, say: Say): Promise<string> {
  say("packing and loading the image");
  const authorities = systemCaFile();
  if (authorities === undefined) throw new Error("this machine has no file of trusted authorities for the image");
  const extra = [
    file(HOST_PROGRAM, "/app/test/e2e/proxy/cluster/host.ts"),
    file(authorities, "/etc/ssl/certs/ca-certificates.crt"),
  ];
  await loadEvenkeelImage(rig, { envoy: true, extra });
  say("two hosts, and the chart");
  await apply(rig, [...hostObjects("one"), ...hostObjects("two")]);
  const chart = await installChart(rig, folder, [shop("shop")]);
  await answersHealthCheck(chart);
  await drawsEvenly(chart, "shop.example.com");
  const traffic = await startTraffic(rig, `http://${rig.nodeAddress}:${NODE_PORT}${HEALTH_CHECK}`, PER_SECOND);
  try {
    const scaled = await scaling(rig, chart, traffic, say);
    say("an edit of the services");
    const edited = await edit(chart, "mall");
    traffic.check("an edit");
    say("from a control plane");
    const served = await fromControlPlane(rig, chart, traffic, say);
    say("in a mesh");
    const meshed = await inMesh(rig, chart, traffic, say);
    await traffic.stop();
    traffic.check("the end");
    const { length } = traffic.answers;
    return `the chart: ${scaled}; ${edited}; ${served}; ${meshed}; ${length} requests meanwhile, 0 failed`;
  } finally {
    await traffic.stop();
  }
}

const shop = (name: string): WrittenService => ({
  name,
  domain: `${name}.example.com`,
  hosts: ["one", "two"].map((host) => ({ address: `${host}.default.svc.cluster.local`, port: HOST_PORT })),
});

async function apply(rig: Rig, objects: readonly object[]): Promise<void> {
  const list = { apiVersion: "v1", kind: "List", items: objects };
  await rig.kubectl(["apply", "--server-side", "-f", "-"], JSON.stringify(list));
}

async function answersHealthCheck(chart: InstalledChart): Promise<void> {
  await waitUntil(
    "the health check through the node's port",
    async () => {
      const [answer] = await chart.ask("any.example.com", HEALTH_CHECK);
      return answer?.status === 200 && answer.body === "Health-check reverse-proxy is working!!!!!";
    },
    PATIENCE,
  );
}

/** Asks until the hosts are there, and then often: each host must get its share. */
async function drawsEvenly(chart: InstalledChart, domain: string): Promise<void> {
  await waitUntil("an answer of a host", async () => (await chart.ask(domain))[0]?.status === 200, PATIENCE);
  const answers = await chart.ask(domain, "/", DRAWS);
  const failed = answers.find(({ status }) => status !== 200);
  if (failed !== undefined) throw new Error(`${domain}: ${failed.status} ${failed.body}`);
  const pods = answers.map(({ body }) => (JSON.parse(body) as { pod: string }).pod);
  const counts = ["one", "two"].map((host) => pods.filter((pod) => pod.startsWith(`${host}-`)).length);
  if (chiSquare(counts) > MOST_CHI_SQUARE)
    throw new Error(`${DRAWS} requests went to two hosts as ${counts.join(", ")}`);
}

async function scaling(rig: Rig, chart: InstalledChart, traffic: Traffic, say: Say): Promise<string> {
  const autoscalers = async () => await rig.kubectl(["get", "hpa", "-o", "name"]);
  if (!(await autoscalers()).includes("/reverse-proxy-app")) throw new Error("there is no autoscaler at the start");
  say("helm upgrade --set replicas=7");
  await chart.upgrade("replicas=7");
  await waitUntil("seven pods", async () => (await chart.pods()).length === 7, PATIENCE);
  if ((await autoscalers()) !== "") throw new Error("the autoscaler is still there with replicas=7");
  traffic.check("replicas=7");
  say("helm upgrade --set replicas=auto");
  await chart.upgrade("replicas=auto");
  const figures = async () => {
    const path = "jsonpath={.status.conditions[?(@.type=='ScalingActive')].status}";
    return (await rig.kubectl(["get", "hpa", "reverse-proxy-app", "-o", path])) === "True";
  };
  await waitUntil("the autoscaler, with figures", figures, PATIENCE);
  traffic.check("replicas=auto");
  return "replicas=7 gave seven pods and no HPA, replicas=auto the HPA again";
}

/** A service more reaches every pod, and none is restarted. */
async function edit(chart: InstalledChart, name: string): Promise<string> {
  const before = await chart.pods();
  const began = Date.now();
  await chart.serve([shop("shop"), shop(name)]);
  let took = 0;
  await waitUntil(
    `the edit at all ${before.length} pods`,
    async () => {
      took = (Date.now() - began) / 1000;
      // Each on a connection of its own: one pod that has not taken it shows.
      return (await chart.ask(`${name}.example.com`, "/", 10 * before.length)).every(({ status }) => status === 200);
    },
    EDIT,
  );
  const after = new Set(await chart.pods());
  const gone = before.filter((pod) => !after.has(pod));
  // The autoscaler may take pods meanwhile; those that stay are the same.
  if (gone.length === before.length) throw new Error("the edit has restarted the pods");
  return `an edit at ${before.length} pods after ${took.toFixed(0)} s without a restart`;
}

async function fromControlPlane(rig: Rig, chart: InstalledChart, traffic: Traffic, say: Say): Promise<string> {
  await chart.upgrade("replicas=2", "controlPlane.enabled=true");
  await drawsEvenly(chart, "shop.example.com");
  traffic.check("the change to a control plane");
  const edited = await edit(chart, "plaza");
  const log = await rig.kubectl(["logs", "deployment/reverse-proxy-control-plane"]);
  if (!log.includes("edit taken")) throw new Error("the control plane has not taken the edit");
  say("the control plane's pod is deleted");
  await rig.kubectl(["delete", "pod", "--selector", "app.kubernetes.io/name=reverse-proxy-control-plane"]);
  await drawsEvenly(chart, "plaza.example.com");
  await rig.kubectl(["rollout", "status", "deployment/reverse-proxy-control-plane", "--timeout=180s"]);
  traffic.check("a control plane that was away");
  return `told by a control plane: ${edited}, its pod deleted unnoticed`;
}

async function inMesh(rig: Rig, chart: InstalledChart, traffic: Traffic, say: Say): Promise<string> {
  await allowInterception(rig, say);
  const addressPath = "jsonpath={.items[0].status.podIP}";
  const address = await rig.kubectl(["get", "pods", "--selector", "app=one", "-o", addressPath]);
  await apply(rig, [...hostObjects("strict", { pods: 2, mesh: true }), strict("strict"), serviceEntry(address)]);
  await rig.kubectl(["rollout", "status", "deployment/strict", "--timeout=240s"]);
  const inMeshed = (name: string, host: string, port: number): WrittenService => ({
    name,
    domain: `${name}.example.com`,
    rewriteHost: true,
    hosts: [{ address: host, port }],
  });
  const strictHost = "strict.default.svc.cluster.local";
  await chart.serve([shop("shop"), inMeshed("strict", strictHost, HOST_PORT), inMeshed("partner", ENTRY_HOST, 80)]);
  await waitUntil(
    "the end of a connection by a host that wants mutual TLS, which a proxy without a sidecar cannot give",
    async () => (await chart.ask("strict.example.com"))[0]?.status === 502,
    EDIT,
  );
  await chart.upgrade("sidecar=true");
  const seen = async (domain: string) => {
    await waitUntil(`an answer to ${domain}`, async () => (await chart.ask(domain))[0]?.status === 200, PATIENCE);
    const answers = await chart.ask(domain, "/path//x?y=%2F", 20);
    const failed = answers.find(({ status }) => status !== 200);
    if (failed !== undefined) throw new Error(`${domain}: ${failed.status} ${failed.body}`);
    return answers.map(({ body }) => JSON.parse(body) as HostAnswer);
  };
  const strictAnswers = await seen("strict.example.com");
  const identity = "spiffe://cluster.local/ns/default/sa/default";
  for (const { host, forwardedHost, certificate, url } of strictAnswers)
    if (
      host !== `${strictHost}:${HOST_PORT}` ||
      forwardedHost !== "strict.example.com" ||
      !certificate?.includes(identity) ||
      url !== "/path//x?y=%2F"
    )
      throw new Error(`a host in the mesh saw ${JSON.stringify({ host, forwardedHost, certificate, url })}`);
  const pods = new Set(strictAnswers.map(({ pod }) => pod));
  if (pods.size !== 2) throw new Error(`the sidecar sent all requests to ${[...pods].join(", ")}`);
  const partner = await seen("partner.example.com");
  if (partner.some(({ host, pod }) => host !== ENTRY_HOST || !pod.startsWith("one-")))
    throw new Error(`the ServiceEntry's host saw ${JSON.stringify(partner[0])}`);
  await drawsEvenly(chart, "shop.example.com");
  traffic.check("sidecars");
  return "with a sidecar a Service behind STRICT mutual TLS and a ServiceEntry's host answered";
}

/** What `host.ts` answers. */
interface HostAnswer {
  readonly pod: string;
  readonly url: string;
  readonly host: string;
  readonly forwardedHost?: string;
  readonly certificate?: string;
}

/** What helps to find the cause of a failure. */
async function tellState(rig: Rig): Promise<void> {
  const questions = [
    ["get", "pods,hpa,deployments", "-o", "wide"],
    ["get", "events", "--sort-by=.lastTimestamp"],
    ["logs", "--selector", "app.kubernetes.io/instance=reverse-proxy", "--all-containers", "--prefix", "--tail=40"],
    ["describe", "pods", "--selector", "run=reverse-proxy-app"],
  ];
  for (const question of questions) {
    const answer = await rig.kubectl(question).catch((error: Error) => error.message);
    process.stderr.write(`\n$ kubectl ${question.join(" ")}\n${answer}\n`);
  }
}
