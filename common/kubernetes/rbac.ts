import type { Target } from "./resource-type.ts";

/** The verb of RBAC for a request. */
export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete";

/** The rule that allows a request, as it stands in a Role or ClusterRole. */
export function ruleFor(verb: Verb, { resource, subresource }: Target): string {
  const part = subresource === undefined ? "" : `/${subresource.split("/")[0]}`;
  // Who lists also watches: one rule at once instead of three failures one after the other.
  const verbs = verb === "list" || verb === "watch" ? ["get", "list", "watch"] : [verb];
  const quoted = verbs.map((each) => `"${each}"`).join(", ");
  return `{apiGroups: ["${resource.group}"], resources: ["${resource.plural}${part}"], verbs: [${quoted}]}`;
}

/** What to do about a request that was refused. @param user as the API server named it */
export function adviceForForbidden(verb: Verb, target: Target, user: string | undefined): string {
  const role =
    target.namespace === undefined || !target.resource.namespaced ? "a ClusterRole" : `a Role in ${target.namespace}`;
  const whom = user === undefined ? "this account" : user;
  return `bind ${whom} to ${role} with the rule ${ruleFor(verb, target)}`;
}

const INSTALL: Readonly<Record<string, string>> = {
  "networking.istio.io": "install Istio (istioctl install), whose CRDs serve it",
  "security.istio.io": "install Istio (istioctl install), whose CRDs serve it",
  "metrics.k8s.io": "install metrics-server (kubectl apply -f its components.yaml)",
  "keda.sh": "install KEDA (its Helm chart kedacore/keda)",
  "msvcbench.io": "install the ProxyService CRD (kubectl apply -k manifests/)",
};

/** What to install for an API group that the cluster does not serve. */
export function adviceForMissing(group: string): string {
  return INSTALL[group] ?? `install what serves the API group ${group === "" ? "core" : group}, or update the cluster`;
}
