import { apply } from "./apply.ts";
import type { Cluster } from "./cluster.ts";
import type { Kubectl } from "./kubectl.ts";
import { type KubeObject, marked } from "./objects.ts";

const RECORD: KubeObject = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "evenkeel-setup", namespace: "kube-system" },
};

/** Writes into a cluster that setup has started it: `--delete` then removes the whole of it. */
export async function recordStart(kubectl: Kubectl, cluster: Cluster): Promise<void> {
  await apply(kubectl, marked([{ ...RECORD, data: { started: `${cluster.kind} ${cluster.context}` } }]));
}

/** Whether setup has started this very cluster. */
export async function wasStartedBySetup(kubectl: Kubectl, cluster: Cluster): Promise<boolean> {
  const { name, namespace } = RECORD.metadata;
  const path = "jsonpath={.data.started}";
  const args = ["get", "configmap", name, "--namespace", namespace ?? "", "--ignore-not-found", "-o", path];
  return (await kubectl(args)) === `${cluster.kind} ${cluster.context}`;
}
