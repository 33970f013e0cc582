/** One kind of the Kubernetes API: where its objects live. */
export interface ResourceType {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** As in the path, e.g. `endpointslices`. */
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** What a request is about: an object, a part of it, or all objects of a kind (in one namespace). */
export interface Target {
  readonly resource: ResourceType;
  /** Absent for a namespaced kind: all namespaces. */
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  /** e.g. `status`; of a proxy with the path behind it, e.g. `proxy/metrics/resource`. */
  readonly subresource?: string | undefined;
}

function type(apiVersion: string, plural: string, kind: string, namespaced = true): ResourceType {
  const [version, group = ""] = apiVersion.split("/").reverse() as [string, string?];
  return { group, version, plural, kind, namespaced };
}

/** The kinds that Evenkeel reads or writes. */
export const RESOURCES = {
  pods: type("v1", "pods", "Pod"),
  services: type("v1", "services", "Service"),
  nodes: type("v1", "nodes", "Node", false),
  namespaces: type("v1", "namespaces", "Namespace", false),
  configMaps: type("v1", "configmaps", "ConfigMap"),
  secrets: type("v1", "secrets", "Secret"),
  serviceAccounts: type("v1", "serviceaccounts", "ServiceAccount"),
  deployments: type("apps/v1", "deployments", "Deployment"),
  statefulSets: type("apps/v1", "statefulsets", "StatefulSet"),
  jobs: type("batch/v1", "jobs", "Job"),
  horizontalPodAutoscalers: type("autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
  podDisruptionBudgets: type("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget"),
  endpointSlices: type("discovery.k8s.io/v1", "endpointslices", "EndpointSlice"),
  leases: type("coordination.k8s.io/v1", "leases", "Lease"),
  events: type("events.k8s.io/v1", "events", "Event"),
  roles: type("rbac.authorization.k8s.io/v1", "roles", "Role"),
  networkPolicies: type("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy"),
  roleBindings: type("rbac.authorization.k8s.io/v1", "rolebindings", "RoleBinding"),
  clusterRoles: type("rbac.authorization.k8s.io/v1", "clusterroles", "ClusterRole", false),
  clusterRoleBindings: type("rbac.authorization.k8s.io/v1", "clusterrolebindings", "ClusterRoleBinding", false),
  customResourceDefinitions: type(
    "apiextensions.k8s.io/v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    false,
  ),
  podMetrics: type("metrics.k8s.io/v1beta1", "pods", "PodMetrics"),
  nodeMetrics: type("metrics.k8s.io/v1beta1", "nodes", "NodeMetrics", false),
  gateways: type("networking.istio.io/v1", "gateways", "Gateway"),
  virtualServices: type("networking.istio.io/v1", "virtualservices", "VirtualService"),
  destinationRules: type("networking.istio.io/v1", "destinationrules", "DestinationRule"),
  serviceEntries: type("networking.istio.io/v1", "serviceentries", "ServiceEntry"),
  workloadEntries: type("networking.istio.io/v1", "workloadentries", "WorkloadEntry"),
  envoyFilters: type("networking.istio.io/v1alpha3", "envoyfilters", "EnvoyFilter"),
  scaledJobs: type("keda.sh/v1alpha1", "scaledjobs", "ScaledJob"),
  scaledObjects: type("keda.sh/v1alpha1", "scaledobjects", "ScaledObject"),
  triggerAuthentications: type("keda.sh/v1alpha1", "triggerauthentications", "TriggerAuthentication"),
  proxyServices: type("msvcbench.io/v1alpha1", "proxyservices", "ProxyService"),
} as const;

const BY_KIND = new Map(Object.values(RESOURCES).map((known) => [`${apiVersionOf(known)} ${known.kind}`, known]));

/** The kind's `apiVersion`, as objects carry it. */
export function apiVersionOf({ group, version }: ResourceType): string {
  return group === "" ? version : `${group}/${version}`;
}

/**
 * The type of an object, by its `apiVersion` and `kind`.
 * @throws Error when it is none of {@link RESOURCES}
 */
export function resourceOf(object: { readonly apiVersion: string; readonly kind: string }): ResourceType {
  const found = BY_KIND.get(`${object.apiVersion} ${object.kind}`);
  if (found === undefined) throw new Error(`no resource type is known for ${object.apiVersion} ${object.kind}`);
  return found;
}

/** The path of a target under the API server's address. */
export function pathOf({ resource, namespace, name, subresource }: Target): string {
  const root = resource.group === "" ? "/api" : `/apis/${resource.group}`;
  const within = resource.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  const object = name === undefined ? "" : `/${encodeURIComponent(name)}`;
  const part = subresource === undefined ? "" : `/${subresource}`;
  return `${root}/${resource.version}${within}/${resource.plural}${object}${part}`;
}

/** For messages: `pods`, `pod default/web-0`, `services/status of default/web`. */
export function describeTarget({ resource, namespace, name, subresource }: Target): string {
  const group = resource.group === "" ? "" : `.${resource.group}`;
  const part = subresource === undefined ? "" : `/${subresource.split("/")[0]}`;
  const place = name === undefined ? (namespace ?? "") : namespace === undefined ? name : `${namespace}/${name}`;
  return `${resource.plural}${group}${part}${place === "" ? "" : ` ${name === undefined ? "in " : ""}${place}`}`;
}
