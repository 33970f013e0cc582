import { waitUntil } from "../../rig/ready.ts";
import type { Rig } from "../../rig/rig.ts";
import { consolePage, EVENKEEL, get, podsOf, SHOP } from "../mesh/cluster.ts";

const AGENT = "evenkeel-agent";
const LABEL = "evenkeel.io/agent";
const PORT_ANNOTATION = "evenkeel.io/agent-port";

interface InjectedPod {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: {
    readonly shareProcessNamespace?: boolean;
    readonly containers: readonly { readonly name: string; readonly resources?: { limits?: { cpu?: string } } }[];
  };
}

/** What the API server would make of a pod that wants an agent, or not. Nothing is stored. */
async function tried(rig: Rig, labels: Readonly<Record<string, string>>): Promise<InjectedPod> {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "trial", namespace: "default", labels },
    spec: { automountServiceAccountToken: false, containers: [{ name: "trial", image: "trial:1" }] },
  };
  const flags = ["create", "--dry-run=server", "-o", "json", "-f", "-"];
  return JSON.parse(await rig.kubectl(flags, JSON.stringify(pod))) as InjectedPod;
}

const agentOf = ({ spec }: InjectedPod) => spec.containers.find(({ name }) => name === AGENT);

/** Waits until new pods get agents, with this CPU limit: a policy works some time after it is written. */
export async function injectionWorks(rig: Rig, cpuLimit: string): Promise<void> {
  const works = async () => agentOf(await tried(rig, { [LABEL]: "true" }))?.resources?.limits?.cpu === cpuLimit;
  await waitUntil(`agents with a CPU limit of ${cpuLimit} in new pods`, works, { timeoutMs: 60_000, everyMs: 500 });
  if (agentOf(await tried(rig, {})) !== undefined) throw new Error("a pod without the label gets an agent");
}

/** Pods no longer get agents. */
export async function injectionIsGone(rig: Rig): Promise<void> {
  const gone = async () => agentOf(await tried(rig, { [LABEL]: "true" })) === undefined;
  await waitUntil("pods without agents", gone, { timeoutMs: 60_000, everyMs: 500 });
}

/** The app's pods have an agent each, which runs and which the control plane hears. @returns how many */
export async function agentsAreHeard(rig: Rig): Promise<number> {
  const { items } = await get<{ items: InjectedPod[] }>(rig, "pods", "-n", SHOP, "-l", "app=s0");
  for (const pod of items)
    if (
      agentOf(pod) === undefined ||
      pod.spec.shareProcessNamespace !== true ||
      pod.metadata.annotations?.[PORT_ANNOTATION] === undefined
    )
      throw new Error(`${pod.metadata.name} has no agent, or not all that belongs to one`);
  let seen: (string | undefined)[] = [];
  await waitUntil(
    "CPU figures of all agents",
    async () => {
      seen = await sources(rig);
      return seen.length >= items.length && seen.every((source) => source === "agent");
    },
    { timeoutMs: 60_000, everyMs: 500 },
  ).catch((error: Error) => {
    throw new Error(`${error.message}: figures come from ${seen.join(", ") || "nowhere"}`);
  });
  return items.length;
}

interface Fleet {
  readonly clusters: readonly { readonly endpoints: readonly { readonly cpu?: { readonly source: string } }[] }[];
}

/** Where the CPU of every endpoint comes from that a control plane knows. */
async function sources(rig: Rig): Promise<(string | undefined)[]> {
  const planes = await podsOf(rig, EVENKEEL, "app.kubernetes.io/name=evenkeel-control-plane");
  const fleets = await Promise.all(planes.map(({ status }) => consolePage<Fleet>(rig, status?.podIP ?? "", "fleet")));
  return fleets.flatMap(({ clusters }) => clusters.flatMap(({ endpoints }) => endpoints.map(({ cpu }) => cpu?.source)));
}
