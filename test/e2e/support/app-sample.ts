import type { Rig } from "../../rig/rig.ts";

/** The state of a Deployment that an autoscaler scales, at one moment. */
export interface AppSample {
  /** Since the beginning, in seconds. */
  readonly at: number;
  /** What the autoscaler wants. */
  readonly wanted: number;
  readonly ready: number;
  /** Pods that are ending. */
  readonly ending: number;
  /** CPU of all pods together, in cores, as the metrics API says it. */
  readonly cores: number;
  /** How often containers were restarted, over all pods. */
  readonly restarts: number;
}

interface Listed {
  readonly items: readonly {
    readonly kind: string;
    readonly metadata: { readonly deletionTimestamp?: string };
    readonly spec: { readonly replicas?: number };
    readonly status?: {
      readonly conditions?: readonly { readonly type: string; readonly status: string }[];
      readonly containerStatuses?: readonly { readonly restartCount: number }[];
    };
  }[];
}

interface Metrics {
  readonly items: readonly { readonly containers: readonly { readonly usage: { readonly cpu: string } }[] }[];
}

/**
 * Looks at the Deployment, its pods and their CPU.
 * @param app the value of the label `app`, which the Deployment and its pods have
 */
export async function takeAppSample(rig: Rig, app: string, at: number): Promise<AppSample> {
  const listed = await rig.kubectl(["get", "deployments,pods", "--selector", `app=${app}`, "-o", "json"]);
  const { items } = JSON.parse(listed) as Listed;
  const pods = items.filter(({ kind }) => kind === "Pod");
  const staying = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const restarts = pods.flatMap(({ status }) => status?.containerStatuses ?? []);
  return {
    at,
    wanted: items.find(({ kind }) => kind === "Deployment")?.spec.replicas ?? 0,
    ready: staying.filter(({ status }) =>
      status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True"),
    ).length,
    ending: pods.length - staying.length,
    cores: await coresOf(rig, app),
    restarts: restarts.reduce((sum, { restartCount }) => sum + restartCount, 0),
  };
}

async function coresOf(rig: Rig, app: string): Promise<number> {
  const path = `/apis/metrics.k8s.io/v1beta1/namespaces/default/pods?labelSelector=app%3D${app}`;
  const { items } = JSON.parse(await rig.kubectl(["get", "--raw", path])) as Metrics;
  return items.flatMap(({ containers }) => containers).reduce((sum, { usage }) => sum + cores(usage.cpu), 0);
}

/** Reads a quantity of CPU, e.g. `487123456n`, `250m`, `2`. */
export function cores(quantity: string): number {
  const match = /^(\d+(?:\.\d+)?)([num]?)$/.exec(quantity);
  if (match === null) throw new Error(`${quantity} is no quantity of CPU`);
  return Number(match[1]) * ({ n: 1e-9, u: 1e-6, m: 1e-3 }[match[2] ?? ""] ?? 1);
}
