import { join } from "node:path";
import { findHelm } from "../../../common/program/pins/helm.ts";
import { waitUntil } from "../../rig/ready.ts";
import type { Rig } from "../../rig/rig.ts";
import { makeBusy, percent } from "../mesh/busy.ts";
import { conditionHolds, EVENKEEL, get, podsOf, rolledOut, SHOP } from "../mesh/cluster.ts";
import { inspect } from "../mesh/inspect.ts";
import { applyExample } from "../mesh/install.ts";
import { startTraffic, type Traffic } from "../mesh/traffic.ts";
import type { Doctor } from "./doctor.ts";
import { findPlantedFaults } from "./faults.ts";
import { agentsAreHeard, injectionIsGone, injectionWorks } from "./injection.ts";
import { nothingIsLeft } from "./left.ts";
import type { Install } from "./main.ts";
import { meshPolicies } from "./policies.ts";
import { proxyStatus } from "./proxy-status.ts";

const CHART = join(import.meta.dirname, "..", "..", "..", "manifests", "chart");
const APP = join(import.meta.dirname, "..", "mesh", "kubernetes", "app.yaml");
const RELEASE = "evenkeel";
const URL = "http://sn0.shop.svc.cluster.local/";
const PER_SECOND = 50;
const IMAGE = "image=evenkeel/evenkeel:rig";

type Helm = (...words: readonly string[]) => Promise<string>;

/** The chart in a mesh, from `helm install` to `helm uninstall`, under steady requests. */
export async function chart(install: Install, doctor: Doctor): Promise<string> {
  const { rig, say } = install;
  const program = await findHelm();
  const helm: Helm = (...words) => rig.exec([program, "--kubeconfig", rig.kubeconfig, "-n", EVENKEEL, ...words]);
  say("helm install");
  // As docs/install.md says it.
  await rig.kubectl(["create", "namespace", EVENKEEL]);
  await rig.kubectl(["label", "namespace", EVENKEEL, "istio-injection=disabled"]);
  await helm("install", RELEASE, CHART, "--set", IMAGE, "--wait", "--timeout=4m");
  await injectionWorks(rig, "200m");
  await rig.kubectl(["apply", "-f", APP]);
  await rolledOut(rig, SHOP, "s0");
  const traffic = await startTraffic(rig, URL, PER_SECOND);
  try {
    const seen = await underTraffic(install, doctor, helm, traffic);
    return `${seen}; ${traffic.answers.length} requests, 0 failed`;
  } finally {
    await traffic.stop();
  }
}

async function underTraffic(install: Install, doctor: Doctor, helm: Helm, traffic: Traffic): Promise<string> {
  const { rig, say } = install;
  await applyExample(rig);
  await conditionHolds(rig, "Ready");
  await conditionHolds(rig, "WeightsLive");
  traffic.check("takeover");
  const agents = await agentsAreHeard(rig);
  const weights = await inspect(install);
  const busy = await makeBusy(install, traffic, { busyMs: 10_000, returnsWithinMs: 60_000 });
  const status = await proxyStatus(install);
  const policies = await meshPolicies(install);
  await upgrade(install, helm);
  traffic.check("helm upgrade");
  await doctor.healthy("after helm install and upgrade");
  const faults = await findPlantedFaults(install, doctor);
  traffic.check("planted faults");
  await doctor.healthy("after its advice was followed");
  const renewals = await certificatesAreRenewed(rig);
  traffic.check("certificates renewed");
  say("helm uninstall");
  await uninstall(rig, helm);
  traffic.check("helm uninstall");
  return (
    `the chart with ${agents} injected agents: ${weights}; a busy pod's share went from ${percent(busy.fair)} to ` +
    `${percent(busy.share)}; ${status}; ${policies}; helm upgrade; ${faults}; ${renewals} certificates of 2 minutes; helm uninstall left the CRD only`
  );
}

/** Options of every part: each must reach its pods, and nobody notices. */
async function upgrade({ rig, say }: Install, helm: Helm): Promise<void> {
  say("helm upgrade");
  const values = [
    IMAGE,
    "controlPlane.replicas=1",
    // The rig's kubelets sign their own certificates, as those of kind, minikube and kubeadm do.
    "controlPlane.kubeletAccess=direct-insecure",
    "istio.certTtl=2m",
    "istio.allowedClients={spiffe://cluster.local/ns/shop/sa/*}",
    "operator.drain=5s",
    "agentInjection.cpuLimit=300m",
  ];
  await helm("upgrade", RELEASE, CHART, ...values.flatMap((value) => ["--set", value]), "--wait", "--timeout=4m");
  const narrowed = async () => {
    const pods = await podsOf(rig, EVENKEEL, "app.kubernetes.io/name=evenkeel-control-plane");
    return pods.length === 1 && JSON.stringify(pods[0]?.spec).includes("spiffe://cluster.local/ns/shop/sa/*");
  };
  await waitUntil("one control plane with the narrowed clients", narrowed, { timeoutMs: 120_000, everyMs: 500 });
  await injectionWorks(rig, "300m");
  const operator = await get<{ spec: object }>(rig, "deployment", "proxy-service-operator", "-n", EVENKEEL);
  if (!JSON.stringify(operator.spec).includes('"EVENKEEL_OPERATOR_DRAIN"'))
    throw new Error("the operator's drain did not reach it");
  await conditionHolds(rig, "WeightsLive");
  await agentsAreHeard(rig);
}

/** @returns how many certificates of the mesh the control plane has had: of two minutes, so a new one after each minute */
async function certificatesAreRenewed(rig: Rig): Promise<number> {
  const control = ["logs", "-n", EVENKEEL, "-l", "app.kubernetes.io/name=evenkeel-control-plane", "--tail=-1"];
  const had = async () => (await rig.kubectl(control)).split('"a certificate of the mesh"').length - 1;
  await waitUntil("a renewed certificate", async () => (await had()) > 1, { timeoutMs: 150_000, everyMs: 2000 });
  await conditionHolds(rig, "WeightsLive");
  return await had();
}

/** As docs/install.md says it: the ProxyServices first. */
async function uninstall(rig: Rig, helm: Helm): Promise<void> {
  await rig.kubectl(["delete", "ps", "--all", "-n", SHOP, "--timeout=120s"]);
  await helm("uninstall", RELEASE, "--wait", "--timeout=2m");
  await nothingIsLeft(rig, EVENKEEL);
  await injectionIsGone(rig);
  await rig.kubectl(["delete", "namespace", EVENKEEL, "--timeout=60s"]);
}
