import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Child } from "../../../common/child.ts";
import { describeError } from "../../../common/errors.ts";
import { applyObject, createObject, patchStatus } from "../../../common/kubernetes/apply.ts";
import type { KubeClient } from "../../../common/kubernetes/client.ts";
import { hasCode } from "../../../common/kubernetes/failure.ts";
import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import type { Watched } from "../../../common/kubernetes/watch.ts";
import { makeCgroups } from "../../rig/node/cgroups.ts";
import { NODE_ADDRESS } from "../../rig/place.ts";
import type { Rig } from "../../rig/rig.ts";
import { startStandInPod } from "./stand-in-pod.ts";
import type { AnalyserPod } from "./watch.ts";

const WRITER = "posture-e2e";
const LEASE_NAMESPACE = "kube-node-lease";
/** A node whose lease is 40 s old counts as lost. */
const RENEW_MS = 5000;
const ROOT = "/sys/fs/cgroup";

export interface StandInNodeOptions {
  readonly rig: Rig;
  readonly client: KubeClient;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly cores: number;
  /** Its control group's path below each hierarchy. */
  readonly cgroup: string;
  readonly pods: Watched<AnalyserPod>;
  /** Folder in the place of the pods' claim. */
  readonly claim: string;
  /** Folders in the place of Secrets that pods mount. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly say: (line: string) => void;
}

/**
 * Stands in for a second machine, as the rig has one node only: a Node object whose lease is kept alive, and the pods that the
 * real scheduler places on it as plain processes in a control group of its own. What they do is real; that they are in no
 * container is what is not.
 */
export async function startStandInNode(options: StandInNodeOptions, ends: AsyncDisposableStack): Promise<void> {
  const { rig, client, name, labels, annotations, cores, cgroup, pods, claim, secrets, say } = options;
  makeCgroups(cgroup);
  const metadata = { name, labels: { "kubernetes.io/hostname": name, ...labels }, annotations };
  await createObject(client, { apiVersion: "v1", kind: "Node", metadata }, WRITER);
  await renewLease(client, name);
  const timer = setInterval(() => void renewLease(client, name).catch(tell(say, `the lease of ${name}`)), RENEW_MS);
  ends.defer(() => clearInterval(timer));
  const size = { cpu: String(cores), memory: "4Gi", pods: "20" };
  const addresses = [{ type: "InternalIP", address: NODE_ADDRESS }];
  const conditions = [{ type: "Ready", status: "True", reason: "StandIn", message: "" }];
  const status = { capacity: size, allocatable: size, addresses, conditions };
  await patchStatus(client, { resource: RESOURCES.nodes, name }, status, WRITER);
  const running = new Map<string, Promise<Child>>();
  const stop = pods.subscribe({
    onChange({ key, object }) {
      const { metadata, spec, status } = object;
      if (spec.nodeName !== name || !pods.objects.has(key)) return;
      const known = running.get(metadata.name);
      if (metadata.deletionTimestamp !== undefined) void known?.then((child) => child.signal("SIGTERM"));
      else if (known === undefined && status?.phase === "Pending") {
        const child = startStandInPod(rig, object, { cgroups: cgroupFolders(cgroup), claim, secrets });
        running.set(metadata.name, child);
        void follow(client, object, child).catch(tell(say, `the pod ${metadata.name}`));
      }
    },
  });
  ends.defer(async () => {
    stop();
    await Promise.all([...running.values()].map(async (child) => (await child).stop()));
  });
}

/** Tells the cluster how a pod fares, as its kubelet would. */
async function follow(client: KubeClient, pod: AnalyserPod, starting: Promise<Child>): Promise<void> {
  const { name, namespace = "" } = pod.metadata;
  const target = { resource: RESOURCES.pods, namespace, name };
  const [container] = pod.spec.containers;
  const common = { name: container?.name ?? "", image: "", imageID: "", restartCount: 0 };
  const child = await starting;
  const startedAt = new Date().toISOString();
  const report = async (phase: string, ready: boolean, state: object) => {
    const containerStatuses = [{ ...common, ready, state }];
    await patchStatus(client, target, { phase, startTime: startedAt, containerStatuses }, WRITER);
  };
  await report("Running", true, { running: { startedAt } });
  const { code } = await child.exited;
  const terminated = { exitCode: code ?? 137, startedAt, finishedAt: new Date().toISOString() };
  try {
    await report(code === 0 ? "Succeeded" : "Failed", false, { terminated });
    const now = await client.json<AnalyserPod>({ verb: "get", target });
    // What was to be deleted waits for its node's word.
    if (now.metadata.deletionTimestamp !== undefined)
      await client.json({ verb: "delete", target, body: { gracePeriodSeconds: 0 } });
  } catch (error) {
    if (!hasCode(error, "EK_KUBE_NOT_FOUND")) throw error;
  }
}

async function renewLease(client: KubeClient, name: string): Promise<void> {
  const metadata = { name, namespace: LEASE_NAMESPACE };
  const renewTime = new Date().toISOString().replace("Z", "000Z");
  const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime };
  const lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec };
  await applyObject(client, lease, { fieldManager: WRITER, force: true });
}

/** The folders of a control group: one, or with cgroup v1 one for each controller. */
function cgroupFolders(path: string): string[] {
  const roots = [ROOT, ...readdirSync(ROOT).map((entry) => join(ROOT, entry))];
  return roots.map((root) => join(root, path)).filter((folder) => existsSync(join(folder, "cgroup.procs")));
}

const tell = (say: (line: string) => void, what: string) => (error: unknown) => say(`${what}: ${describeError(error)}`);
