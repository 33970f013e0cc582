import { Cluster } from "../../proto/generated/envoy/config/cluster/v3/cluster.ts";
import { Any } from "../../proto/generated/google/protobuf/any.ts";
import type { EncodedResource } from "../resources/resource.ts";

const names = new WeakMap<EncodedResource, string>();

/** The name by which Envoy asks for a cluster's endpoints: `eds_cluster_config.service_name`, or else the cluster's. */
export function edsName(cluster: EncodedResource): string {
  const known = names.get(cluster);
  if (known !== undefined) return known;
  const { edsClusterConfig } = Cluster.decode(Any.decode(cluster.any).value);
  const name = edsClusterConfig?.serviceName || cluster.name;
  names.set(cluster, name);
  return name;
}
