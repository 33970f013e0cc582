import { setTimeout as sleep } from "node:timers/promises";
import type { Rig } from "../../rig/rig.ts";

/** How long Kubernetes may take over what was deleted, in ms. */
const PATIENCE_MS = 60_000;

/** Every kind of object of the cluster that can be listed and deleted, but events and the metrics API's figures. */
async function kinds(rig: Rig): Promise<string> {
  const names = await rig.kubectl(["api-resources", "--verbs=list,delete", "-o", "name"]);
  return names
    .split("\n")
    .filter((name) => name !== "" && !name.startsWith("events") && !name.endsWith("metrics.k8s.io"))
    .join(",");
}

/**
 * Waits until an installation has left nothing: no object with a label of ours anywhere, and in its namespace only what the
 * cluster itself puts there.
 * @throws Error with what is left
 */
export async function nothingIsLeft(rig: Rig, namespace: string): Promise<void> {
  const all = await kinds(rig);
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const left = [...new Set([...(await labelled(rig, all)), ...(await inNamespace(rig, all, namespace))])].filter(
      (name) => !MAY_STAY.has(name),
    );
    if (left.length === 0) return;
    if (Date.now() > deadline) throw new Error(`it left ${left.join(", ")}`);
    await sleep(1000);
  }
}

const MAY_STAY: ReadonlySet<string> = new Set([
  // Helm never deletes definitions: the ProxyServices of a whole cluster would go with them.
  "customresourcedefinition.apiextensions.k8s.io/proxyservices.msvcbench.io",
  // The operator makes it while it runs; it goes with the namespace.
  "lease.coordination.k8s.io/proxy-service-operator",
  // The doctor's own, of this check.
  "clusterrole.rbac.authorization.k8s.io/evenkeel-doctor",
  // What Kubernetes and Istio put into every namespace.
  "serviceaccount/default",
  "configmap/kube-root-ca.crt",
  "configmap/istio-ca-root-cert",
  "configmap/istio-ca-crl",
]);

const LABELS = [
  "app.kubernetes.io/part-of=evenkeel",
  "app.kubernetes.io/instance=evenkeel",
  "msvcbench.io/proxyservice",
];

async function labelled(rig: Rig, kinds: string): Promise<string[]> {
  const answers = LABELS.map((label) => rig.kubectl(["get", kinds, "-A", "-l", label, "-o", "name"]));
  return names((await Promise.all(answers)).join(""));
}

async function inNamespace(rig: Rig, kinds: string, namespace: string): Promise<string[]> {
  const namespaced = await rig.kubectl(["api-resources", "--namespaced", "--verbs=list,delete", "-o", "name"]);
  const known = new Set(namespaced.split("\n"));
  const wanted = kinds.split(",").filter((kind) => known.has(kind));
  return names(await rig.kubectl(["get", wanted.join(","), "-n", namespace, "-o", "name"]));
}

/** Objects of ReplicaSets and the like go with their owners: they count too, as they are to go. */
const names = (text: string): string[] => text.split("\n").filter((name) => name !== "");
