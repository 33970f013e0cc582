import type { Desired } from "../../common/kubernetes/apply.ts";
import type { KubeObject } from "../../common/kubernetes/object.ts";

export interface ServicePort {
  readonly name?: string;
  readonly port: number;
  /** `TCP` when absent. */
  readonly protocol?: string;
  /** A number, or the name of a container's port. */
  readonly targetPort?: number | string;
  readonly nodePort?: number;
  readonly appProtocol?: string;
}

export interface ServiceSpec {
  /** `ClusterIP` when absent. */
  readonly type?: string;
  readonly clusterIP?: string;
  readonly selector?: Readonly<Record<string, string>>;
  readonly ports?: readonly ServicePort[];
  readonly internalTrafficPolicy?: string;
}

/** A core/v1 Service; fields that the operator does not know stay in it. */
export interface Service extends KubeObject {
  readonly spec: ServiceSpec;
}

/** A Service as it is written. */
export interface DesiredService extends Desired {
  readonly spec: ServiceSpec;
}

export const isTcp = (port: ServicePort): boolean => (port.protocol ?? "TCP") === "TCP";
