import {
  applyObject,
  createObject,
  deleteObject,
  getObject,
  mergePatch,
  replaceObject,
  targetOf,
} from "../../common/kubernetes/apply.ts";
import type { KubeClient } from "../../common/kubernetes/client.ts";
import { RESOURCES } from "../../common/kubernetes/resource-type.ts";
import type { DesiredObject } from "./desired/meta.ts";
import type { Drift } from "./drift.ts";
import { FIELD_MANAGER, FIXED_REPLICAS_ANNOTATION, OWNER_LABEL, UNUSED_ANNOTATION } from "./names.ts";
import type { ProxyService } from "./resource.ts";
import type { Action, LiveObject } from "./takeover/observed.ts";

/** Owns a Deployment's replicas from when the operator lets go of them until the autoscaler first sets them. */
const REPLICAS_MANAGER = "evenkeel-operator-replicas";

type Apply = Extract<Action, { do: "apply" }>;

/**
 * Looks up what is to be made, in the cluster itself: the caches know only what carries our label.
 * @returns names of somebody else's objects that are in the way
 * @throws EvenkeelError EK_KUBE_…
 */
export async function findInTheWay(client: KubeClient, actions: readonly Action[]): Promise<string[]> {
  const made = actions.filter((action): action is Apply => action.do === "apply" && action.live === undefined);
  const found = await Promise.all(made.map(({ object }) => getObject<LiveObject>(client, targetOf(object))));
  return made.flatMap(({ object }, index) => {
    const there = found[index];
    const owner = object.metadata.labels?.[OWNER_LABEL];
    const foreign = there !== undefined && there.metadata.labels?.[OWNER_LABEL] !== owner;
    return foreign ? [`${object.kind} ${object.metadata.name}`] : [];
  });
}

/** Does one action. @throws EvenkeelError EK_KUBE_… */
export async function act(client: KubeClient, resource: ProxyService | undefined, action: Action, drift: Drift) {
  switch (action.do) {
    case "finalizers":
      if (resource !== undefined) await setFinalizers(client, resource, action.finalizers);
      break;
    case "apply":
      await apply(client, action, drift);
      break;
    case "replace":
      await replaceObject(client, action.object, FIELD_MANAGER);
      break;
    case "create":
      await createObject(client, action.object, FIELD_MANAGER);
      break;
    case "delete":
      await remove(client, action.object, action.wait);
      break;
    case "unused": {
      const annotations = { [UNUSED_ANNOTATION]: action.since };
      await mergePatch(client, targetOf(action.object), { metadata: { annotations } }, FIELD_MANAGER);
      break;
    }
  }
}

async function apply(client: KubeClient, { object, live }: Apply, drift: Drift): Promise<void> {
  if (live !== undefined) await keepReplicas(client, object, live);
  // What is new to us is not taken from anybody who made it since we looked.
  const options = { fieldManager: FIELD_MANAGER, force: live !== undefined };
  drift.applied(object, await applyObject<LiveObject>(client, object, options));
}

/**
 * A field that its only owner no longer names is removed, and replicas would fall to 1 the moment that an autoscaler takes
 * over. Another owner keeps them meanwhile.
 */
async function keepReplicas(client: KubeClient, object: DesiredObject, live: LiveObject): Promise<void> {
  const fixed = (each: DesiredObject) => each.metadata.annotations?.[FIXED_REPLICAS_ANNOTATION] !== undefined;
  const replicas = (live.spec as { readonly replicas?: number } | undefined)?.replicas;
  if (object.kind !== "Deployment" || !fixed(live) || fixed(object) || replicas === undefined) return;
  const { apiVersion, kind, metadata } = object;
  const { name, namespace } = metadata;
  const kept: DesiredObject = {
    apiVersion,
    kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    spec: { replicas },
  };
  await applyObject(client, kept, { fieldManager: REPLICAS_MANAGER, force: true });
}

async function remove(client: KubeClient, object: LiveObject, wait: boolean): Promise<void> {
  const { uid } = object.metadata;
  await deleteObject(client, targetOf(object), {
    ...(uid === undefined ? {} : { uid }),
    propagation: wait ? "Foreground" : "Background",
  });
}

async function setFinalizers(client: KubeClient, { metadata }: ProxyService, finalizers: readonly string[]) {
  const { name, namespace, resourceVersion } = metadata;
  const target = { resource: RESOURCES.proxyServices, namespace, name };
  // The version guards the finalizers of others: a merge patch replaces the whole list.
  await mergePatch(client, target, { metadata: { resourceVersion, finalizers } }, FIELD_MANAGER);
}
