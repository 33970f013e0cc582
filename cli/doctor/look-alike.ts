import type { Desired } from "../../common/kubernetes/apply.ts";
import { desiredObjects } from "../../operator/proxyservice/desired/desired.ts";
import type { ProxyService } from "../../operator/proxyservice/resource.ts";
import type { FleetView } from "../../xds/console/fleet-view.ts";
import type { ClientStatus } from "../../xds/server/client-status.ts";
import type { SourceStatus } from "../../xds/signals/kubernetes/source-status.ts";
import type { Container } from "./objects.ts";

/** An object with everything that its kind holds. */
export type Planted = Desired & { readonly spec?: object; readonly status?: object; readonly data?: object };

const LONG_AGO = new Date(Date.now() - 3_600_000).toISOString().replace(/\.\d+/, "");
export const NAMESPACES = ["evenkeel", "istio-system", "shop", "uploads", "posture"];
export const EDS = "outbound|80||sn0-ep.shop.svc.cluster.local";
export const CONTROL_PLANE = "evenkeel/cp-1:18001";
export const WORKER = "uploads/worker-1:8080";

/** The parts of an installation that is well, as a cluster shows them. The order is that of their creation. */
export function healthyObjects(): Planted[] {
  return [...system(), ...shop(), ...uploads(), ...posture()];
}

/** What its pods answer. */
export function healthyAnswers(): ReadonlyMap<string, string> {
  return new Map([
    [`${CONTROL_PLANE}/fleet`, JSON.stringify(healthyFleet())],
    [`${CONTROL_PLANE}/clients`, JSON.stringify([client(undefined)])],
    [`${CONTROL_PLANE}/signals`, JSON.stringify([source("idle")])],
    [`${CONTROL_PLANE}/metrics`, "process_open_fds 40\nprocess_max_fds 1048576\n"],
    [`${WORKER}/metrics`, workerMetrics(0, 40)],
  ]);
}

export function healthyFleet(cpu: object | undefined = { utilisation: 0.4, source: "agent", ageMs: 90 }): FleetView {
  const endpoint = { key: "10.1.0.21:8080", state: "ready" as const, weight: 100 };
  return { clusters: [{ name: EDS, equal: false, endpoints: [{ ...endpoint, ...(cpu && { cpu }) } as never] }] };
}

export function client(message: string | undefined): ClientStatus {
  const nack = message === undefined ? undefined : { nonce: "2", version: "2", names: [EDS], message, atMs: 0 };
  const typeUrl = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
  const versions = { sentVersion: "2", sentNonce: "2", ackedVersion: "1", sentAtMs: 0 };
  return {
    stream: 1,
    nodeId: "router~10.1.0.11~ps-s0-1.shop~shop.svc.cluster.local",
    name: "ps-s0-1.shop",
    nodeCluster: "ps-s0.shop",
    peer: "10.1.0.11:40000",
    identity: undefined,
    service: "eds",
    protocol: "delta",
    connectedAtMs: 0,
    types: [{ typeUrl, state: nack === undefined ? "synced" : "error", wildcard: false, names: 1, ...versions, nack }],
  };
}

export function source(state: SourceStatus["state"]): SourceStatus {
  return { source: "kubelet", state, detail: "cannot get nodes/metrics", next: "bind the account to a ClusterRole" };
}

export const workerMetrics = (queued: number, open: number): string =>
  `worker_jobs_queued ${queued}\nworker_jobs_total{outcome="ok"} 100\nworker_rejected_total{reason="queue-full"} 0\nprocess_open_fds ${open}\nprocess_max_fds 1024\n`;

const meta = (key: string, labels: Record<string, string> = {}) => {
  const [namespace, name = ""] = key.split("/");
  return { name, namespace, labels };
};

export function pod(
  key: string,
  ip: string,
  containers: readonly Container[],
  options: { labels?: Record<string, string>; annotations?: Record<string, string>; spec?: object } = {},
): Planted {
  const conditions = ["Ready", "PodScheduled"].map((type) => ({ type, status: "True", lastTransitionTime: LONG_AGO }));
  const withImages = containers.map((container) => ({ image: "evenkeel/evenkeel:0.1.0", ...container }));
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { ...meta(key, options.labels), annotations: options.annotations ?? {} },
    spec: { automountServiceAccountToken: false, containers: withImages, ...options.spec },
    status: {
      phase: "Running",
      podIP: ip,
      podIPs: [{ ip }],
      conditions,
      containerStatuses: containers.map(({ name }) => ({
        name,
        ready: true,
        restartCount: 0,
        image: "i",
        imageID: "i",
        state: { running: { startedAt: LONG_AGO } },
      })),
    },
  };
}

function deployment(key: string, labels: Record<string, string>, containers: readonly Container[]): Planted {
  const withImages = containers.map((container) => ({ image: "evenkeel/evenkeel:0.1.0", ...container }));
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: meta(key),
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: withImages } },
    },
    status: AVAILABLE,
  };
}

const AVAILABLE = {
  replicas: 1,
  readyReplicas: 1,
  availableReplicas: 1,
  updatedReplicas: 1,
  conditions: [
    {
      type: "Available",
      status: "True",
      reason: "MinimumReplicasAvailable",
      message: "",
      lastTransitionTime: LONG_AGO,
    },
  ],
};

function service(key: string, selector: Record<string, string>, port: number): Planted {
  return { apiVersion: "v1", kind: "Service", metadata: meta(key), spec: { selector, ports: [{ port }] } };
}

function slice(key: string, address: string): Planted {
  const [, name = ""] = key.split("/");
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: meta(key, { "kubernetes.io/service-name": name }),
    ...{
      addressType: "IPv4",
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
      ports: [{ port: 80 }],
    },
  };
}

function autoscaler(key: string, name: string): Planted {
  const condition = {
    type: "ScalingActive",
    status: "True",
    reason: "ValidMetricFound",
    message: "",
    lastTransitionTime: LONG_AGO,
  };
  return {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: meta(key),
    spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name }, maxReplicas: 5 },
    status: { currentReplicas: 1, desiredReplicas: 1, conditions: [condition] },
  };
}

function system(): Planted[] {
  const plane = {
    name: "control-plane",
    args: ["cli/evenkeel.ts", "control-plane", "--kubernetes"],
    ports: [
      { name: "xds", containerPort: 18000 },
      { name: "console", containerPort: 18001 },
    ],
  };
  const operator = { name: "operator", args: ["cli/evenkeel.ts", "operator"] };
  const now = new Date().toISOString().replace("Z", "000Z");
  return [
    deployment("evenkeel/evenkeel-control-plane", { app: "cp" }, [plane]),
    pod("evenkeel/cp-1", "10.1.0.1", [plane], { labels: { app: "cp" } }),
    deployment("evenkeel/proxy-service-operator", { app: "op" }, [operator]),
    pod("evenkeel/op-1", "10.1.0.2", [operator], { labels: { app: "op" } }),
    {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: meta("evenkeel/proxy-service-operator"),
      // Long: the test does not renew it.
      spec: { holderIdentity: "op-1", leaseDurationSeconds: 3600, renewTime: now, acquireTime: now },
    },
    service("istio-system/istiod", { app: "istiod" }, 15012),
    slice("istio-system/istiod", "10.1.0.3"),
  ];
}

/** The example's ProxyService with all that the operator makes for it. */
function shop(): Planted[] {
  const labels = { istio: "ps-s0", "evenkeel.io/namespace": "shop" };
  const resource: ProxyService = {
    metadata: { name: "ps-s0", namespace: "shop", uid: "00000000-0000-0000-0000-000000000001" },
    spec: { serviceName: "sn0", loadBalancer: "LEAST_REQUEST", target: "sn0-ep", port: 80 },
  };
  const made = desiredObjects({
    resource,
    ports: [{ name: "http", port: 80 }],
    makeTargetFrom: undefined,
    makeFront: false,
    xds: { address: "evenkeel-control-plane.evenkeel.svc.cluster.local", port: 18000 },
    handOver: true,
    clusterDomain: "cluster.local",
  });
  const kept = made.filter(({ kind }) =>
    ["ConfigMap", "EnvoyFilter", "Deployment", "HorizontalPodAutoscaler"].includes(kind),
  );
  const own = kept.map((object): Planted => {
    const { ownerReferences: _, ...metadata } = object.metadata;
    return { ...object, metadata, ...(object.kind === "Deployment" ? { status: AVAILABLE } : {}) };
  });
  const ready = (type: string, status: string, reason: string) => ({
    type,
    status,
    reason,
    message: "",
    lastTransitionTime: LONG_AGO,
    observedGeneration: 1,
  });
  const agent = { name: "agent", args: ["cli/evenkeel.ts", "agent"] };
  const worker = { labels: { app: "s0" }, annotations: { "evenkeel.io/agent-port": "9091" } };
  return [
    ...own,
    {
      apiVersion: "msvcbench.io/v1alpha1",
      kind: "ProxyService",
      metadata: meta("shop/ps-s0"),
      spec: resource.spec,
      status: {
        observedGeneration: 1,
        target: "sn0-ep",
        conditions: [ready("Ready", "True", "Serving"), ready("WeightsLive", "True", "HandedOver")],
      },
    },
    pod("shop/ps-s0-1", "10.1.0.11", [{ name: "istio-proxy" }], {
      labels,
      annotations: { "sidecar.istio.io/bootstrapOverride": "ps-s0-bootstrap" },
    }),
    service("shop/sn0", labels, 80),
    service("shop/sn0-ep", { app: "s0" }, 80),
    slice("shop/sn0-ep", "10.1.0.21"),
    deployment("shop/s0", { app: "s0" }, [{ name: "app" }, agent]),
    pod("shop/s0-1", "10.1.0.21", [{ name: "app" }, agent], { ...worker, spec: { shareProcessNamespace: true } }),
  ];
}

function uploads(): Planted[] {
  const worker = {
    name: "worker",
    args: ["cli/evenkeel.ts", "worker"],
    ports: [{ name: "http", containerPort: 8080 }],
  };
  const front = {
    name: "proxy-master",
    args: ["cli/evenkeel.ts", "envoy"],
    env: [{ name: "EVENKEEL_XDS", value: "evenkeel-control-plane.evenkeel:18000" }],
  };
  return [
    deployment("uploads/proxy-worker", { app: "proxy-worker" }, [worker]),
    pod("uploads/worker-1", "10.1.0.31", [worker], { labels: { app: "proxy-worker" } }),
    deployment("uploads/proxy-master", { app: "proxy-master" }, [front]),
    pod("uploads/master-1", "10.1.0.32", [front], { labels: { app: "proxy-master" } }),
    service("uploads/proxy-workers", { app: "proxy-worker" }, 8080),
    slice("uploads/proxy-workers", "10.1.0.31"),
    autoscaler("uploads/proxy-worker-hpa", "proxy-worker"),
  ];
}

function posture(): Planted[] {
  const scaler = { name: "scaler" };
  const metadata = { scalerAddress: "posture-external-scaler.posture.svc.cluster.local:8080" };
  return [
    deployment("posture/posture-external-scaler", { app: "scaler" }, [scaler]),
    pod("posture/scaler-1", "10.1.0.41", [scaler], { labels: { app: "scaler" } }),
    service("posture/posture-external-scaler", { app: "scaler" }, 8080),
    slice("posture/posture-external-scaler", "10.1.0.41"),
    {
      apiVersion: "keda.sh/v1alpha1",
      kind: "ScaledJob",
      metadata: meta("posture/posture-analyzer-job-0"),
      spec: {
        jobTargetRef: { template: { spec: { containers: [{ name: "a", image: "a" }] } } },
        triggers: [{ type: "external", metadata }],
      },
      status: { conditions: [{ type: "Ready", status: "True", reason: "ScaledJobReady", message: "" }] },
    },
  ];
}
