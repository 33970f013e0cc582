import { createHash } from "node:crypto";
import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import { bootstrapName, FIXED_REPLICAS_ANNOTATION, gatewaySelector, STATUS_PORT } from "../names.ts";
import type { Settled } from "../resource.ts";
import { bootstrapText, type XdsAccess } from "./bootstrap.ts";
import { type DesiredObject, objectOf } from "./meta.ts";

/** A pod that ends has this long for requests that are under way. */
export const GRACE_SECONDS = 60;
/** Endpoints that were told late still send to a pod for some seconds after its end began. */
const MINIMUM_DRAIN = "10s";
/** A pod counts as available only after this long ready: until then istiod and kube-proxies hear of it. */
const SETTLE_SECONDS = 5;
/** How long a gateway may take until it listens: its image is pulled by then; certificates and configuration are not. */
const STARTUP_SECONDS = 120;

/**
 * The gateway. Its container is filled in by Istio's injection (`image: auto`). A pod is ready only when Envoy listens on
 * the ProxyService's port, and not merely when it has heard from istiod.
 * @param ports what it serves, `port` first
 */
export function deployment(settled: Settled, ports: readonly number[], xds: XdsAccess | undefined): DesiredObject {
  const { name, namespace, scaling } = settled;
  const selector = gatewaySelector(name, namespace);
  const labels = { app: name, istio: name, "app.kubernetes.io/name": name };
  const fixed = scaling.kind === "fixed";
  return {
    ...objectOf(RESOURCES.deployments, settled, name, {
      labels,
      ...(fixed ? { annotations: { [FIXED_REPLICAS_ANNOTATION]: "true" } } : {}),
    }),
    spec: {
      // Never beside an autoscaler, whose decision every apply would undo.
      ...(fixed ? { replicas: scaling.replicas } : {}),
      minReadySeconds: SETTLE_SECONDS,
      selector: { matchLabels: selector },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: {
        metadata: {
          labels: { ...labels, ...selector, "sidecar.istio.io/inject": "true" },
          annotations: { "inject.istio.io/templates": "gateway", ...bootstrapAnnotations(name, xds) },
        },
        spec: {
          serviceAccountName: name,
          terminationGracePeriodSeconds: GRACE_SECONDS,
          containers: [container(settled, ports)],
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: "kubernetes.io/hostname",
              whenUnsatisfiable: "ScheduleAnyway",
              labelSelector: { matchLabels: selector },
            },
          ],
        },
      },
    },
  };
}

function container(settled: Settled, ports: readonly number[]): object {
  return {
    name: "istio-proxy",
    image: settled.image,
    ports: [
      ...ports.map((port) => ({ name: `port-${port}`, containerPort: port, protocol: "TCP" })),
      { name: "status-port", containerPort: STATUS_PORT, protocol: "TCP" },
    ],
    env: [
      // A pod that ends waits for its last connection, no shorter than the one and no longer than the grace period.
      { name: "EXIT_ON_ZERO_ACTIVE_CONNECTIONS", value: "true" },
      { name: "MINIMUM_DRAIN_DURATION", value: MINIMUM_DRAIN },
    ],
    resources: { requests: settled.requests, limits: settled.limits },
    securityContext: {
      allowPrivilegeEscalation: false,
      privileged: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      capabilities: { drop: ["ALL"] },
      seccompProfile: { type: "RuntimeDefault" },
    },
    // The listener is there when istiod's first answer is applied, routes and all.
    startupProbe: { tcpSocket: { port: ports[0] }, periodSeconds: 1, failureThreshold: STARTUP_SECONDS },
    // Soon ready and late unready: on a starved node answers are slow, and a gateway that is left out then fails all of its
    // Service. One that ends is left out at once, whatever this says, and so is one whose Envoy has died.
    readinessProbe: {
      httpGet: { path: "/healthz/ready", port: STATUS_PORT, scheme: "HTTP" },
      periodSeconds: 2,
      timeoutSeconds: 5,
      failureThreshold: 5,
    },
  };
}

/** A bootstrap that changed needs new pods: Envoy reads it once. */
function bootstrapAnnotations(name: string, xds: XdsAccess | undefined): Record<string, string> {
  if (xds === undefined) return {};
  const hash = createHash("sha256").update(bootstrapText(xds)).digest("hex").slice(0, 16);
  return { "sidecar.istio.io/bootstrapOverride": bootstrapName(name), "evenkeel.io/bootstrap-hash": hash };
}
