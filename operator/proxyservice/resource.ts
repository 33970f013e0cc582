import type { KubeObject } from "../../common/kubernetes/object.ts";

export type LoadBalancer = "LEAST_REQUEST" | "ROUND_ROBIN" | "RANDOM" | "PASSTHROUGH";
export type Protocol = "HTTP" | "HTTP2" | "GRPC" | "HTTPS" | "TCP";
/** How Envoy asks the control plane: changes only, or everything each time. */
export type WeightsMode = "DELTA_GRPC" | "GRPC";

export interface Quantities {
  readonly cpu?: string | number;
  readonly memory?: string | number;
}

/** `spec` of a ProxyService; the CRD (manifests/operator/crd.yaml) says what each field means and checks it. */
export interface ProxyServiceSpec {
  readonly serviceName: string;
  readonly target?: string;
  readonly port?: number;
  readonly loadBalancer?: LoadBalancer;
  readonly protocol?: Protocol;
  readonly uri?: { readonly matchUriPrefix?: string; readonly rewriteUri?: string };
  readonly weights?: { readonly enabled?: boolean; readonly mode?: WeightsMode };
  readonly autoscaling?: {
    readonly minReplicas?: number;
    readonly maxReplicas?: number;
    readonly targetCPUUtilizationPercentage?: number;
  };
  readonly replicas?: number;
  readonly resources?: { readonly requests?: Quantities; readonly limits?: Quantities };
  readonly image?: string;
}

export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  /** RFC 3339. */
  readonly lastTransitionTime: string;
  readonly observedGeneration?: number;
}

export interface ProxyServiceStatus {
  readonly observedGeneration?: number;
  /** Name of the Service behind the gateway. */
  readonly target?: string;
  /** Gateway pods, and those of them that are ready. */
  readonly replicas?: number;
  readonly readyReplicas?: number;
  readonly conditions?: readonly Condition[];
}

export interface ProxyService extends KubeObject {
  readonly spec: ProxyServiceSpec;
  readonly status?: ProxyServiceStatus;
}

/** The spec with its defaults, which are the CRD's too. */
export interface Settled {
  readonly name: string;
  readonly namespace: string;
  readonly serviceName: string;
  readonly target: string;
  readonly port: number;
  readonly loadBalancer: LoadBalancer;
  readonly protocol: Protocol;
  readonly matchUriPrefix: string | undefined;
  readonly rewriteUri: string | undefined;
  /** Undefined: the weights stay equal. */
  readonly weights: WeightsMode | undefined;
  readonly scaling:
    | { readonly kind: "fixed"; readonly replicas: number }
    | { readonly kind: "auto"; readonly min: number; readonly max: number; readonly cpuPercent: number };
  readonly requests: Quantities;
  readonly limits: Quantities;
  readonly image: string;
}

const MIN_REPLICAS = 1;
const MAX_REPLICAS = 5;
const CPU_PERCENT = 70;
const REQUESTS: Quantities = { cpu: "100m", memory: "128Mi" };
const LIMITS: Quantities = { cpu: "2", memory: "1Gi" };

/** Fills in what a ProxyService leaves open. */
export function settle({ metadata, spec }: ProxyService): Settled {
  const weighted = (spec.loadBalancer ?? "LEAST_REQUEST") === "LEAST_REQUEST" && (spec.weights?.enabled ?? true);
  const { autoscaling } = spec;
  const min = autoscaling?.minReplicas ?? MIN_REPLICAS;
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? "default",
    serviceName: spec.serviceName,
    target: spec.target ?? `${spec.serviceName}-ep`,
    port: spec.port ?? 80,
    loadBalancer: spec.loadBalancer ?? "LEAST_REQUEST",
    protocol: spec.protocol ?? "HTTP",
    matchUriPrefix: spec.uri?.matchUriPrefix,
    rewriteUri: spec.uri?.rewriteUri,
    weights: weighted ? (spec.weights?.mode ?? "DELTA_GRPC") : undefined,
    scaling:
      spec.replicas === undefined
        ? {
            kind: "auto",
            min,
            max: autoscaling?.maxReplicas ?? Math.max(MAX_REPLICAS, min),
            cpuPercent: autoscaling?.targetCPUUtilizationPercentage ?? CPU_PERCENT,
          }
        : { kind: "fixed", replicas: spec.replicas },
    requests: { ...REQUESTS, ...spec.resources?.requests },
    limits: { ...LIMITS, ...spec.resources?.limits },
    image: spec.image ?? "auto",
  };
}

/** Does the gateway read requests, or only pass bytes on? */
export function isHttp(protocol: Protocol): boolean {
  return protocol === "HTTP" || protocol === "HTTP2" || protocol === "GRPC";
}
