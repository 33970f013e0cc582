import type { Settled } from "../resource.ts";
import type { LiveObject, Observed } from "./observed.ts";

interface DeploymentStatus {
  readonly observedGeneration?: number;
  readonly replicas?: number;
  readonly readyReplicas?: number;
  readonly availableReplicas?: number;
}

export interface GatewayState {
  readonly replicas: number;
  readonly readyReplicas: number;
  /** At least one pod is configured and has been ready for a while. */
  readonly ready: boolean;
  readonly message: string;
}

export function gatewayDeployment({ ours }: Pick<Observed, "ours">, { name }: Settled): LiveObject | undefined {
  return ours.find((object) => object.kind === "Deployment" && object.metadata.name === name);
}

/** How the gateway's pods are, by its Deployment. */
export function gatewayState(observed: Pick<Observed, "ours">, settled: Settled): GatewayState {
  const live = gatewayDeployment(observed, settled);
  const status = (live?.status ?? {}) as DeploymentStatus;
  const seen = (status.observedGeneration ?? 0) >= (live?.metadata.generation ?? 1);
  const replicas = status.replicas ?? 0;
  const available = status.availableReplicas ?? 0;
  const readyReplicas = status.readyReplicas ?? 0;
  // While an update rolls, old pods that are available serve: it starts a new one first.
  const ready = live !== undefined && seen && available > 0;
  const counts = `${readyReplicas} of ${replicas} pods ready, ${available} available`;
  return { replicas, readyReplicas, ready, message: live === undefined ? "there is no gateway yet" : counts };
}
