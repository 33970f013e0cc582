import type { Fleet } from "../../fleet/fleet.ts";

/** A pod of the fleet. */
export interface FleetPod {
  /** `NAMESPACE/NAME`. */
  readonly key: string;
  readonly namespace: string;
  readonly node: string | undefined;
  /** Its endpoints: a pod may stand in several clusters and ports. */
  readonly endpointKeys: ReadonlySet<string>;
}

/** The fleet's pods by `NAMESPACE/NAME`: only these are asked for their CPU. */
export function fleetPods(fleet: Fleet | undefined): ReadonlyMap<string, FleetPod> {
  const pods = new Map<string, FleetPod & { readonly endpointKeys: Set<string> }>();
  for (const cluster of fleet?.clusters.values() ?? [])
    for (const { key, pod } of cluster.endpoints) {
      if (pod === undefined) continue;
      const podKey = `${pod.namespace}/${pod.name}`;
      const known = pods.get(podKey);
      if (known !== undefined) known.endpointKeys.add(key);
      else pods.set(podKey, { key: podKey, namespace: pod.namespace, node: pod.node, endpointKeys: new Set([key]) });
    }
  return pods;
}
