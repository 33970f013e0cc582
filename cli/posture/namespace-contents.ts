import type { KubeClient } from "../../common/kubernetes/client.ts";
import { hasCode } from "../../common/kubernetes/failure.ts";
import type { KubeObject } from "../../common/kubernetes/object.ts";
import type { ResourceType } from "../../common/kubernetes/resource-type.ts";
import { patiently } from "./patience.ts";

interface ApiResources {
  readonly resources?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
    readonly verbs: readonly string[];
  }[];
}

interface GroupVersion {
  readonly groupVersion: string;
}

interface ApiGroups {
  readonly groups?: readonly { readonly preferredVersion: GroupVersion; readonly versions: readonly GroupVersion[] }[];
}

/** What every namespace has, and what comes and goes by itself. */
const OF_EVERY_NAMESPACE = new Set(["ConfigMap kube-root-ca.crt", "ServiceAccount default"]);
const DERIVED = new Set(["Event", "Endpoints", "EndpointSlice", "ControllerRevision", "PodMetrics", "Lease"]);

/**
 * Everything in a namespace that somebody has put there, whatever its kind: `KIND NAME`.
 * @param isOurs tells what does not count
 * @throws EvenkeelError EK_KUBE_…: what cannot be looked at may hold something
 */
export async function contentsOf(
  client: KubeClient,
  namespace: string,
  isOurs: (object: KubeObject) => boolean,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const resource of await namespacedKinds(client)) {
    const list = await listOf(client, resource, namespace);
    for (const object of list) {
      const name = `${resource.kind} ${object.metadata.name}`;
      const { ownerReferences = [], deletionTimestamp } = object.metadata;
      // What has an owner goes with it, and the owner is looked at itself.
      if (ownerReferences.length > 0 || deletionTimestamp !== undefined || isOurs(object)) continue;
      if (!OF_EVERY_NAMESPACE.has(name)) found.push(name);
    }
  }
  return found;
}

/** Each kind once, in its group's preferred version if it is served there: some are served in another version only. */
async function namespacedKinds(client: KubeClient): Promise<readonly ResourceType[]> {
  const { groups = [] } = await client.json<ApiGroups>({ verb: "get", target: { path: "/apis" } });
  const versions = groups.flatMap((group) => [group.preferredVersion, ...group.versions]);
  const paths = new Set(["/api/v1", ...versions.map(({ groupVersion }) => `/apis/${groupVersion}`)]);
  const kinds = new Map<string, ResourceType>();
  for (const path of paths) {
    const [version = "", group = ""] = path
      .replace(/^\/apis?\//, "")
      .split("/")
      .reverse();
    const { resources = [] } = await client.json<ApiResources>({ verb: "get", target: { path } });
    for (const { name, kind, namespaced, verbs } of resources)
      if (
        namespaced &&
        verbs.includes("list") &&
        !name.includes("/") &&
        !DERIVED.has(kind) &&
        !kinds.has(`${group}/${name}`)
      )
        kinds.set(`${group}/${name}`, { group, version, plural: name, kind, namespaced });
  }
  return [...kinds.values()];
}

async function listOf(client: KubeClient, resource: ResourceType, namespace: string): Promise<readonly KubeObject[]> {
  try {
    const target = { resource, namespace };
    const list = () => client.json<{ readonly items?: readonly KubeObject[] }>({ verb: "list", target });
    return (await patiently(list)).items ?? [];
  } catch (error) {
    // A kind whose definition was removed just now.
    if (hasCode(error, "EK_KUBE_API_MISSING", "EK_KUBE_NOT_FOUND")) return [];
    throw error;
  }
}
