import { readFileSync } from "node:fs";
import { join } from "node:path";
import { waitUntil } from "../../rig/ready.ts";
import type { Rig } from "../../rig/rig.ts";
import { consolePage, EVENKEEL, type KubeObject, podsOf, SHOP } from "../mesh/cluster.ts";
import { type AgentProcess, agentProcess } from "./agent-process.ts";
import type { Doctor, Expected, Told } from "./doctor.ts";
import type { Install } from "./main.ts";

const SCALER = join(import.meta.dirname, "..", "..", "..", "manifests", "posture", "scaler.yaml");
const CONTROL_PLANE = "deployment/evenkeel-control-plane";
const OPERATOR = "deployment/proxy-service-operator";
const BOOTSTRAP = "ps-s0-bootstrap";

/** Plants faults in the mesh in three rounds, each time until the doctor names them all, and mends them by what it says. */
export async function findPlantedFaults(install: Install, doctor: Doctor): Promise<string> {
  const many = await besideEachOther(install, doctor);
  const rights = await withoutRights(install, doctor);
  const away = await withoutControlPlane(install, doctor);
  return `the doctor named ${many + rights + away} planted faults`;
}

/** Faults that hide none of the others. @returns how many */
async function besideEachOther({ rig, say }: Install, doctor: Doctor): Promise<number> {
  say("planting faults: KEDA, operator, bootstrap, two agents, a NetworkPolicy, an image");
  const [wrong, silent] = await twoPods(rig);
  const agent = agentProcess(silent.metadata.uid);
  const port = wrong.metadata.annotations?.["evenkeel.io/agent-port"] ?? "";
  await rig.kubectl(["create", "namespace", "posture"]);
  await rig.kubectl(["apply", "-f", "-"], rigImage(readFileSync(SCALER, "utf8")));
  await rig.kubectl(["scale", OPERATOR, "-n", EVENKEEL, "--replicas=0"]);
  await rig.kubectl(["wait", "--for=delete", "pod", "-n", EVENKEEL, "-l", operatorPods, "--timeout=60s"]);
  await rig.kubectl(["delete", "configmap", BOOTSTRAP, "-n", SHOP]);
  await rig.kubectl(["annotate", "pod", wrong.metadata.name, "-n", SHOP, "--overwrite", "evenkeel.io/agent-port=9999"]);
  agent.pause();
  await rig.kubectl(["apply", "-f", "-"], JSON.stringify(CUTTING));
  await rig.kubectl(["create", "deployment", "nowhere", "-n", EVENKEEL, "--image=registry.invalid/nowhere:1"]);
  const expected: Expected[] = [
    { check: "keda", says: "KEDA is not installed", mend: "helm install keda" },
    { check: "installed", says: "proxy-service-operator is scaled to zero", mend: `kubectl scale ${OPERATOR}` },
    { check: "bootstrap", says: BOOTSTRAP, mend: "kubectl apply" },
    { check: "signals", says: `Pod ${SHOP}/${wrong.metadata.name}`, mend: "kubectl logs" },
    { check: "signals", says: `Pod ${SHOP}/${silent.metadata.name}`, mend: "kubectl logs" },
    { check: "network-policy", says: "ps-s0 cannot reach the control plane", mend: "kubectl apply" },
    { check: "image-pull", says: "registry.invalid/nowhere:1", mend: "kubectl set image" },
  ];
  const told = await doctor.finds(expected);
  // What it says of bootstrap, operator and policy is done to the letter.
  for (const check of ["bootstrap", "installed", "network-policy"]) await doctor.mend(of(check, told));
  agent.go();
  const annotation = `evenkeel.io/agent-port=${port}`;
  await rig.kubectl(["annotate", "pod", wrong.metadata.name, "-n", SHOP, "--overwrite", annotation]);
  await rig.kubectl(["delete", "deployment", "nowhere", "-n", EVENKEEL]);
  await rig.kubectl(["delete", "-f", "-"], readFileSync(SCALER, "utf8"));
  await rig.kubectl(["delete", "namespace", "posture", "--timeout=90s"]);
  await doctor.healthy("once these are mended");
  await rig.kubectl(["delete", "networkpolicies", "--all", "-n", SHOP]);
  return expected.length;
}

/** The control plane may not read CPU figures, and an agent is silent. */
async function withoutRights({ rig, say }: Install, doctor: Doctor): Promise<number> {
  say("planting a fault: the rights to CPU figures");
  const role = JSON.parse(await rig.kubectl(["get", "clusterrole", "evenkeel-control-plane", "-o", "json"])) as Role;
  const figures = (rule: Role["rules"][number]) =>
    rule.resources.includes("nodes/metrics") || rule.apiGroups.includes("metrics.k8s.io");
  const { managedFields: _, resourceVersion: __, ...metadata } = role.metadata;
  const replace = (rules: Role["rules"]) =>
    rig.kubectl(["replace", "-f", "-"], JSON.stringify({ ...role, metadata, rules }));
  await replace(role.rules.filter((rule) => !figures(rule)));
  // A kubelet remembers for five minutes what somebody may do.
  await rig.restart("kubelet");
  await waitUntil("a control plane that may not ask the kubelets", () => isForbidden(rig, "kubelet"), {
    timeoutMs: 90_000,
    everyMs: 1000,
  });
  const [, silent] = await twoPods(rig);
  const agent = agentProcess(silent.metadata.uid);
  const expected: Expected[] = [
    { check: "cpu-sources", says: "may not read the kubelet figures", mend: "nodes/metrics" },
    { check: "cpu-sources", says: "may not read the metrics API", mend: "metrics.k8s.io" },
  ];
  await whilePaused(agent, () => doctor.finds(expected));
  await replace(role.rules);
  return expected.length;
}

async function withoutControlPlane({ rig, say }: Install, doctor: Doctor): Promise<number> {
  say("planting a fault: no control plane");
  await rig.kubectl(["scale", CONTROL_PLANE, "-n", EVENKEEL, "--replicas=0"]);
  const expected = {
    check: "installed",
    says: "evenkeel-control-plane is scaled to zero",
    mend: `kubectl scale ${CONTROL_PLANE}`,
  };
  const told = await doctor.finds([expected]);
  await doctor.mend(of("installed", told));
  return 1;
}

/** A listener at an address that no gateway has, in the fleet file: Envoy refuses it and goes on with the others. */
export async function refusedListener({ rig, say }: Install, doctor: Doctor): Promise<string> {
  say("planting a fault: a listener that Envoy refuses");
  const path = "jsonpath={.data.fleet\\.yaml}";
  const fleet = await rig.kubectl(["get", "configmap", "evenkeel-fleet", "-n", EVENKEEL, "-o", path]);
  const write = async (text: string, change: string) => {
    const patch = JSON.stringify({ data: { "fleet.yaml": text } });
    await rig.kubectl(["patch", "configmap", "evenkeel-fleet", "-n", EVENKEEL, "--type=merge", "-p", patch]);
    // The kubelet looks at a pod's ConfigMaps each minute, and whenever the pod changes.
    const planes = ["-l", "app.kubernetes.io/name=evenkeel-control-plane"];
    await rig.kubectl(["annotate", "pods", "-n", EVENKEEL, ...planes, "--overwrite", `example.com/fleet=${change}`]);
  };
  const route = "{ prefix: /, cluster: app }";
  await write(`${fleet}  - { name: nowhere, address: 192.0.2.77, port: 8081, routes: [${route}] }\n`, "refused");
  await doctor.finds([{ check: "eds-rejected", says: "the listeners (LDS)", mend: "kubectl logs" }]);
  await write(fleet, "good");
  await doctor.healthy("once the listener is gone");
  return "the doctor named a listener that Envoy refuses";
}

const operatorPods = "app.kubernetes.io/name=proxy-service-operator";

/** Gateways may ask whom they like, but not the port of xDS. A connection that is there already stays. */
const CUTTING = {
  apiVersion: "networking.k8s.io/v1",
  kind: "NetworkPolicy",
  metadata: { name: "without-xds", namespace: SHOP },
  spec: {
    podSelector: { matchLabels: { istio: "ps-s0" } },
    policyTypes: ["Egress"],
    egress: [
      {
        ports: [
          { protocol: "UDP", port: 53 },
          { protocol: "TCP", port: 1, endPort: 17999 },
          { protocol: "TCP", port: 18001, endPort: 65535 },
        ],
      },
    ],
  },
};

interface Role {
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly rules: readonly { readonly apiGroups: readonly string[]; readonly resources: readonly string[] }[];
}

const rigImage = (manifest: string): string => manifest.replaceAll(/evenkeel\/scaler:\S+/g, "evenkeel/evenkeel:rig");

async function twoPods(rig: Rig): Promise<[KubeObject, KubeObject]> {
  const [first, second] = await podsOf(rig, SHOP, "app=s0");
  if (first === undefined || second === undefined) throw new Error("the app has fewer than two pods");
  return [first, second];
}

async function whilePaused<T>(agent: AgentProcess, work: () => Promise<T>): Promise<T> {
  agent.pause();
  try {
    return await work();
  } finally {
    agent.go();
  }
}

async function isForbidden(rig: Rig, source: string): Promise<boolean> {
  const planes = await podsOf(rig, EVENKEEL, "app.kubernetes.io/name=evenkeel-control-plane");
  const pages = planes.map(({ status }) =>
    consolePage<{ source: string; state: string }[]>(rig, status?.podIP ?? "", "signals"),
  );
  const states = (await Promise.all(pages)).map((page) => page.find((each) => each.source === source)?.state);
  return states.length > 0 && states.every((state) => state === "forbidden");
}

function of(check: string, told: readonly Told[]): Told {
  const found = told.find((each) => each.check === check);
  if (found === undefined) throw new Error(`the doctor told nothing of ${check}`);
  return found;
}
