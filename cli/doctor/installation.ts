import { OWNER_LABEL } from "../../operator/proxyservice/names.ts";
import { type ProxyService, settle } from "../../operator/proxyservice/resource.ts";
import type { Controller, Pod, Service } from "./objects.ts";
import { isLive } from "./pod-state.ts";
import { programOf } from "./program.ts";
import { hasLabels, selects } from "./selector.ts";

/**
 * What a workload is to Evenkeel: `front` is an Envoy of our own image, `gateway` one that the operator made, `backend`
 * the pods behind a ProxyService.
 */
export type Role = "control-plane" | "operator" | "scaler" | "worker" | "front" | "gateway" | "backend" | "other";

/** A Deployment, StatefulSet or, for pods without one, the pod itself. */
export interface Workload {
  /** e.g. `Deployment evenkeel/evenkeel-control-plane`. */
  readonly key: string;
  /** As kubectl takes it: `deployment/evenkeel-control-plane -n evenkeel`. */
  readonly ref: string;
  readonly role: Role;
  readonly namespace: string;
  readonly name: string;
  /** Absent for a pod by itself. */
  readonly controller: Controller | undefined;
  /** Those that are there to stay. */
  readonly pods: readonly Pod[];
}

/** What is installed of Evenkeel and what belongs to it. */
export interface Installation {
  readonly workloads: readonly Workload[];
  readonly proxyServices: readonly ProxyService[];
}

export interface Seen {
  readonly deployments: readonly Controller[];
  readonly statefulSets: readonly Controller[];
  readonly pods: readonly Pod[];
  readonly services: readonly Service[];
  readonly proxyServices: readonly ProxyService[];
  /** Where control plane and operator are: all of that namespace belongs to it. */
  readonly systemNamespace: string;
}

const PROGRAMS: Readonly<Record<string, Role>> = {
  "control-plane": "control-plane",
  operator: "operator",
  worker: "worker",
  envoy: "front",
  proxy: "other",
  "cpu-load": "other",
};
/** Names of the earlier systems and of our manifests, for images that start otherwise. */
const NAMES: Readonly<Record<string, Role>> = {
  "evenkeel-control-plane": "control-plane",
  "proxy-service-operator": "operator",
  "posture-external-scaler": "scaler",
  "proxy-worker": "worker",
  "proxy-master": "front",
  "reverse-proxy-app": "other",
  "fastapi-app": "other",
};
const POSTURE_LABELS = { app: "posture-analyzer" };

/** Finds what belongs to Evenkeel among all that is there. */
export function installationOf(seen: Seen): Installation {
  const targets = seen.proxyServices.flatMap((resource) => targetSelector(resource, seen.services));
  const taken = new Set<Pod>();
  const workloads: Workload[] = [];
  const controllers = [
    ...seen.deployments.map((controller) => ({ kind: "Deployment", controller })),
    ...seen.statefulSets.map((controller) => ({ kind: "StatefulSet", controller })),
  ];
  for (const { kind, controller } of controllers) {
    const { name, namespace = "default" } = controller.metadata;
    const selector = controller.spec?.selector;
    const pods = seen.pods.filter(
      (pod) => selector !== undefined && inNamespace(pod, namespace) && selects(selector, pod.metadata.labels),
    );
    const role = roleOf(controller, seen.systemNamespace, targets);
    if (role === undefined) continue;
    for (const pod of pods) taken.add(pod);
    workloads.push({
      key: `${kind} ${namespace}/${name}`,
      ref: `${kind.toLowerCase()}/${name} -n ${namespace}`,
      role,
      namespace,
      name,
      controller,
      pods: pods.filter(isLive),
    });
  }
  for (const pod of seen.pods) if (!taken.has(pod) && isLive(pod)) workloads.push(...loosePod(pod, targets));
  return { workloads, proxyServices: seen.proxyServices };
}

export const ofRole = ({ workloads }: Installation, ...roles: readonly Role[]): readonly Workload[] =>
  workloads.filter(({ role }) => roles.includes(role));

export const podKey = ({ metadata }: Pod): string => `Pod ${metadata.namespace ?? "default"}/${metadata.name}`;

const inNamespace = ({ metadata }: Pod | Controller, namespace: string): boolean =>
  (metadata.namespace ?? "default") === namespace;

interface Target {
  readonly namespace: string;
  readonly selector: Readonly<Record<string, string>>;
}

function targetSelector(resource: ProxyService, services: readonly Service[]): readonly Target[] {
  const { namespace, target } = settle(resource);
  const service = services.find(
    ({ metadata }) => metadata.name === target && (metadata.namespace ?? "default") === namespace,
  );
  const selector = service?.spec?.selector ?? {};
  return Object.keys(selector).length === 0 ? [] : [{ namespace, selector }];
}

function roleOf(controller: Controller, systemNamespace: string, targets: readonly Target[]): Role | undefined {
  const { name, namespace = "default", labels } = controller.metadata;
  const template = controller.spec?.template;
  for (const container of template?.spec?.containers ?? []) {
    const role = PROGRAMS[programOf(container) ?? ""];
    if (role !== undefined) return role;
  }
  if (labels?.[OWNER_LABEL] !== undefined) return "gateway";
  const named = NAMES[name];
  if (named !== undefined) return named;
  if (isBackend(namespace, template?.metadata?.labels, targets)) return "backend";
  const ours = namespace === systemNamespace || labels?.["app.kubernetes.io/part-of"] === "evenkeel";
  return ours || name.startsWith("posture-") ? "other" : undefined;
}

function isBackend(
  namespace: string,
  labels: Readonly<Record<string, string>> | undefined,
  targets: readonly Target[],
): boolean {
  return targets.some((target) => target.namespace === namespace && hasLabels(target.selector, labels));
}

function loosePod(pod: Pod, targets: readonly Target[]): readonly Workload[] {
  const { name, namespace = "default", labels } = pod.metadata;
  const backend = isBackend(namespace, labels, targets);
  if (!backend && !hasLabels(POSTURE_LABELS, labels)) return [];
  const role = backend ? "backend" : "other";
  return [
    { key: podKey(pod), ref: `pod/${name} -n ${namespace}`, role, namespace, name, controller: undefined, pods: [pod] },
  ];
}
