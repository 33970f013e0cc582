/** As much of a Deployment, an HPA and pods as tells how far a start is. */
export interface DeploymentState {
  readonly metadata: { readonly generation?: number };
  readonly spec: { readonly replicas?: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly availableReplicas?: number;
  };
}

export interface HpaState {
  readonly status?: {
    readonly currentMetrics?:
      | readonly { readonly resource?: { readonly name: string; readonly current?: { averageUtilization?: number } } }[]
      | null;
  };
}

export interface PodState {
  readonly metadata: { readonly name: string };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
    readonly containerStatuses?: readonly {
      readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
    }[];
  };
}

/** Whether all is ready, and a line that says so or what is awaited. */
export interface Readiness {
  readonly ready: boolean;
  readonly text: string;
}

/** A Deployment is ready when every replica is of its latest template and available. */
export function deploymentReadiness({ metadata, spec, status }: DeploymentState): Readiness {
  const wanted = spec.replicas ?? 1;
  const updated = status?.updatedReplicas ?? 0;
  const available = status?.availableReplicas ?? 0;
  const seen = (status?.observedGeneration ?? 0) >= (metadata.generation ?? 1);
  const isReady = seen && updated === wanted && available >= wanted && (status?.replicas ?? 0) === updated;
  return { ready: isReady, text: `${Math.min(available, updated)} of ${wanted} pods ready` };
}

/** An HPA works when it knows the CPU of its pods. */
export function hpaReadiness({ status }: HpaState): Readiness {
  const cpu = status?.currentMetrics?.find((metric) => metric.resource?.name === "cpu");
  const utilisation = cpu?.resource?.current?.averageUtilization;
  return utilisation === undefined
    ? { ready: false, text: "autoscaler: no CPU figures yet (the first take up to a minute)" }
    : { ready: true, text: `autoscaler: CPU at ${utilisation} % of the request` };
}

/** Why pods do not start, as the cluster says it; empty when it says nothing. */
export function podTroubles(pods: readonly PodState[]): string {
  const troubles = pods.flatMap(({ metadata, status }) => {
    const waiting = (status?.containerStatuses ?? []).flatMap(({ state }) => {
      const { reason, message } = state?.waiting ?? {};
      return reason === undefined || reason === "ContainerCreating"
        ? []
        : [`${reason}${message === undefined ? "" : `: ${message}`}`];
    });
    const unscheduled = (status?.conditions ?? [])
      .filter(({ type, status }) => type === "PodScheduled" && status === "False")
      .map(({ message }) => message ?? "not scheduled");
    return [...waiting, ...unscheduled].map((reason) => `${metadata.name}: ${reason}`);
  });
  return troubles.join("; ").slice(0, 800);
}
