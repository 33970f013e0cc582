import type { ProxyService } from "../../operator/proxyservice/resource.ts";
import type { Installation, Role, Workload } from "./installation.ts";
import type { Container, ContainerStatus, Controller, Pod } from "./objects.ts";

/** Builders of objects for tests. All was made an hour before {@link NOW}. */
export const NOW = Date.parse("2026-06-01T12:00:00Z");
export const AN_HOUR_AGO = "2026-06-01T11:00:00Z";

export const secondsAgo = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString();

export interface PodOptions {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly containers?: readonly Container[];
  readonly spec?: Pod["spec"];
  readonly ready?: boolean;
  readonly since?: string;
  readonly ip?: string;
  readonly statuses?: readonly ContainerStatus[];
}

/** A pod that is ready unless it is said otherwise. @param key `NAMESPACE/NAME` */
export function pod(key: string, options: PodOptions = {}): Pod {
  const [namespace = "", name = ""] = key.split("/");
  const { labels = {}, annotations = {}, ready = true, since = AN_HOUR_AGO, ip = "10.1.0.1" } = options;
  return {
    metadata: { namespace, name, labels, annotations, creationTimestamp: since },
    spec: { containers: options.containers ?? [{ name: "app", image: "app:1" }], ...options.spec },
    status: {
      phase: "Running",
      podIP: ip,
      conditions: [{ type: "Ready", status: ready ? "True" : "False", lastTransitionTime: since }],
      containerStatuses: options.statuses ?? [],
    },
  };
}

/** A Deployment with pods, as the installation knows it. @param key `NAMESPACE/NAME` */
export function workload(
  key: string,
  role: Role,
  pods: readonly Pod[],
  template: NonNullable<Controller["spec"]>["template"] = {},
  status: Controller["status"] = {},
): Workload {
  const [namespace = "", name = ""] = key.split("/");
  return {
    key: `Deployment ${key}`,
    ref: `deployment/${name} -n ${namespace}`,
    role,
    namespace,
    name,
    controller: { metadata: { namespace, name }, spec: { replicas: pods.length, template }, status },
    pods,
  };
}

export function installation(
  workloads: readonly Workload[],
  proxyServices: readonly ProxyService[] = [],
): Installation {
  return { workloads, proxyServices };
}

/** Container of a pod that waits. */
export function waiting(name: string, reason: string, message = ""): ContainerStatus {
  return { name, restartCount: 7, state: { waiting: { reason, message } } };
}

/** A ProxyService of an hour ago with one condition. */
export function proxyService(
  name: string,
  spec: Partial<ProxyService["spec"]> = {},
  conditions: NonNullable<ProxyService["status"]>["conditions"] | undefined = [],
): ProxyService {
  return {
    metadata: { name, namespace: "shop", creationTimestamp: AN_HOUR_AGO },
    spec: { serviceName: "sn0", ...spec },
    ...(conditions.length === 0 ? {} : { status: { conditions } }),
  };
}
