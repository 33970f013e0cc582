import type { KubeClient } from "../../../common/kubernetes/client.ts";
import { hasCode } from "../../../common/kubernetes/failure.ts";
import type { KubeObject } from "../../../common/kubernetes/object.ts";
import { RESOURCES, type ResourceType } from "../../../common/kubernetes/resource-type.ts";
import { type Watched, watchAll } from "../../../common/kubernetes/watch.ts";
import type { Logger } from "../../../common/log.ts";
import {
  type DestinationRule,
  type EndpointSlice,
  keepDestinationRule,
  keepNode,
  keepPod,
  keepService,
  keepSlice,
  type Node,
  type Pod,
  type Service,
} from "./objects.ts";

/** All that the fleet, and the signals of its pods, read of a cluster. */
export interface KubernetesWatches {
  readonly services: Watched<Service>;
  readonly slices: Watched<EndpointSlice>;
  readonly pods: Watched<Pod>;
  /** Optional: without the right to read nodes, regions and nodes' CPU stay unknown. */
  readonly nodes: Watched<Node>;
  /** Optional: without Istio there are no subsets. */
  readonly destinationRules: Watched<DestinationRule>;
  close(): Promise<void>;
}

/**
 * @param options.namespace only this one; absent: all
 * @param options.subsets false: DestinationRules are not looked at, and need no right
 */
export function watchKubernetes(
  client: KubeClient,
  options: { readonly log: Logger; readonly namespace?: string | undefined; readonly subsets?: boolean },
): KubernetesWatches {
  const watch = <T extends KubeObject>(resource: ResourceType, keep: (object: T) => T) =>
    watchAll<T>(
      client,
      { resource, namespace: resource.namespaced ? options.namespace : undefined },
      { log: options.log, keep },
    );
  const watches = {
    services: watch(RESOURCES.services, keepService),
    slices: watch(RESOURCES.endpointSlices, keepSlice),
    pods: watch(RESOURCES.pods, keepPod),
    nodes: watch(RESOURCES.nodes, keepNode),
    destinationRules:
      options.subsets === false ? none<DestinationRule>() : watch(RESOURCES.destinationRules, keepDestinationRule),
  };
  return {
    ...watches,
    async close() {
      await Promise.all(Object.values(watches).map((watched) => watched.close()));
    },
  };
}

function none<T extends KubeObject>(): Watched<T> {
  return {
    objects: new Map(),
    synced: () => true,
    whenSynced: Promise.resolve(),
    fault: () => undefined,
    subscribe: () => () => undefined,
    close: async () => undefined,
  };
}

/** Is all in that can be had just now? What is not installed or not allowed does not hold the optional ones up. */
export function isSettled(watches: KubernetesWatches): boolean {
  const { services, slices, pods, nodes, destinationRules } = watches;
  return (
    [services, slices, pods].every((watched) => watched.synced()) &&
    [nodes, destinationRules].every(
      (watched) => watched.synced() || hasCode(watched.fault(), "EK_KUBE_API_MISSING", "EK_KUBE_FORBIDDEN"),
    )
  );
}

/** The fault of the first watch that the fleet cannot do without. */
export function faultOf({ services, slices, pods }: KubernetesWatches): string | undefined {
  for (const watched of [slices, services, pods]) {
    const fault = watched.fault();
    if (fault !== undefined) return fault.describe();
  }
  return undefined;
}
