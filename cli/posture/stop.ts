import { setTimeout as sleep } from "node:timers/promises";
import { deleteObject, getObject, mergePatch } from "../../common/kubernetes/apply.ts";
import { connectKubernetes, type KubeClient } from "../../common/kubernetes/client.ts";
import { hasCode } from "../../common/kubernetes/failure.ts";
import { listAll } from "../../common/kubernetes/list.ts";
import type { KubeObject } from "../../common/kubernetes/object.ts";
import { RESOURCES, type ResourceType } from "../../common/kubernetes/resource-type.ts";
import { loadSettings } from "../../common/settings.ts";
import { FIELD_MANAGER } from "../../operator/posture/controller.ts";
import { isEmpty, planRemoval } from "../../operator/posture/plan.ts";
import type { ClusterNode } from "../../xds/scaler/cluster.ts";
import { contentsOf } from "./namespace-contents.ts";
import { patiently } from "./patience.ts";
import { type PlaceSettings, STOP } from "./settings.ts";
import { CONTROLLER, MADE_BY, MADE_FOR } from "./template/marks.ts";
import { ANALYZER } from "./template/scaled-job.ts";

/** First what starts jobs, then what runs, then what they needed. */
const KINDS: readonly ResourceType[] = [
  RESOURCES.scaledJobs,
  RESOURCES.triggerAuthentications,
  RESOURCES.deployments,
  RESOURCES.services,
  RESOURCES.networkPolicies,
  RESOURCES.secrets,
  RESOURCES.roleBindings,
  RESOURCES.roles,
  RESOURCES.clusterRoleBindings,
  RESOURCES.clusterRoles,
  RESOURCES.serviceAccounts,
];
/** Pods may finish what they hold. */
const PODS_MS = 120_000;
const LOOK_MS = 1000;

/** `evenkeel posture stop`. @throws EvenkeelError EK_KUBE_… */
export async function main(args: string[]): Promise<number> {
  const loaded = loadSettings(STOP, args);
  if (loaded.kind === "help") {
    process.stdout.write(loaded.text);
    return 0;
  }
  const client = connectKubernetes(loaded.values);
  try {
    await stop(client, loaded.values, (line) => process.stdout.write(`${line}\n`));
    return 0;
  } finally {
    client.close();
  }
}

/** Removes what apply and the controller made. @throws EvenkeelError EK_KUBE_… */
export async function stop(client: KubeClient, settings: PlaceSettings, say: (line: string) => void): Promise<void> {
  const { namespace } = settings;
  let removed = 0;
  const note = (line: string) => {
    removed += 1;
    say(line);
  };
  for (const resource of KINDS) await removeKind(client, resource, namespace, note);
  const lease = { resource: RESOURCES.leases, namespace, name: CONTROLLER };
  await waitForPods(client, namespace, say);
  if (await deleteObject(client, lease)) note(`removed Lease ${CONTROLLER}`);
  // Only now: a controller that still runs would set them again.
  await cleanNodes(client, note);
  await removeNamespace(client, namespace, note, say);
  if (removed === 0) say(`posture apply made nothing in ${namespace}, or it is gone`);
}

async function removeKind(
  client: KubeClient,
  resource: ResourceType,
  namespace: string,
  say: (line: string) => void,
): Promise<void> {
  const labelSelector = `${MADE_BY.key}=${MADE_BY.value},${MADE_FOR}=${namespace}`;
  let items: readonly KubeObject[];
  try {
    items = (await patiently(() => listAll(client, { resource }, { labelSelector }))).items;
  } catch (error) {
    // Without KEDA there is nothing of KEDA's.
    if (hasCode(error, "EK_KUBE_API_MISSING")) return;
    throw error;
  }
  for (const { metadata } of items) {
    const target = { resource, namespace: metadata.namespace, name: metadata.name };
    if (await deleteObject(client, target)) say(`removed ${resource.kind} ${metadata.name}`);
  }
}

/** Jobs go with their ScaledJobs, pods with their jobs and Deployments: the cluster does it, after a moment. */
async function waitForPods(client: KubeClient, namespace: string, say: (line: string) => void): Promise<void> {
  const labelSelector = `app in (${ANALYZER}, ${CONTROLLER})`;
  const until = performance.now() + PODS_MS;
  for (;;) {
    const { items } = await listAll(client, { resource: RESOURCES.pods, namespace }, { labelSelector });
    if (items.length === 0) return;
    if (performance.now() > until) {
      say(`${items.length} pods are still ending: ${items.map(({ metadata }) => metadata.name).join(", ")}`);
      return;
    }
    await sleep(LOOK_MS);
  }
}

async function cleanNodes(client: KubeClient, say: (line: string) => void): Promise<void> {
  const { items } = await listAll<ClusterNode>(client, { resource: RESOURCES.nodes });
  for (const node of items) {
    const change = planRemoval(node);
    if (isEmpty(change)) continue;
    const target = { resource: RESOURCES.nodes, name: node.metadata.name };
    await mergePatch(client, target, { metadata: change }, FIELD_MANAGER);
    say(`took the labels back from node ${node.metadata.name}`);
  }
}

async function removeNamespace(
  client: KubeClient,
  namespace: string,
  note: (line: string) => void,
  say: (line: string) => void,
): Promise<void> {
  const target = { resource: RESOURCES.namespaces, name: namespace };
  const found = await getObject(client, target);
  if (found === undefined || found.metadata.labels?.[MADE_BY.key] !== MADE_BY.value) return;
  const isOurs = ({ metadata }: KubeObject) => metadata.labels?.[MADE_BY.key] === MADE_BY.value;
  const left = await contentsOf(client, namespace, isOurs);
  if (left.length > 0) {
    say(`the namespace ${namespace} stays: it holds ${left.slice(0, 10).join(", ")}`);
    return;
  }
  await deleteObject(client, target, { ...(found.metadata.uid && { uid: found.metadata.uid }) });
  note(`removed Namespace ${namespace}`);
}
