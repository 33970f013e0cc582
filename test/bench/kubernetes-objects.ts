import type { Desired } from "../../common/kubernetes/apply.ts";

/** The cluster that the Kubernetes bench fills and reads. */
export const SERVICES = 1000;
export const ENDPOINTS_EACH = 5;
export const NAMESPACE = "bench";

export function serviceOf(service: number): Desired & { spec: object } {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: nameOf(service), namespace: NAMESPACE },
    // Without a cluster IP: the service network of a test's API server holds fewer.
    spec: {
      clusterIP: "None",
      selector: { app: nameOf(service) },
      ports: [{ name: "http", port: 80, targetPort: 8080 }],
    },
  };
}

/** @param generation changes the last endpoint's address */
export function sliceOf(
  service: number,
  generation = 0,
): Desired & { endpoints: object[]; addressType: string; ports: object[] } {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `${nameOf(service)}-1`,
      namespace: NAMESPACE,
      labels: { "kubernetes.io/service-name": nameOf(service) },
    },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    endpoints: Array.from({ length: ENDPOINTS_EACH }, (_, pod) => ({
      addresses: [addressOf(service, pod, pod === ENDPOINTS_EACH - 1 ? generation : 0)],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: `node-${pod}`,
      zone: `zone-${pod % 3}`,
      targetRef: { kind: "Pod", namespace: NAMESPACE, name: `${nameOf(service)}-${pod}` },
    })),
  };
}

export function podOf(service: number, pod: number): Desired & { spec: object } {
  const probe = { httpGet: { path: "/health", port: 8080 }, periodSeconds: 10 };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `${nameOf(service)}-${pod}`,
      namespace: NAMESPACE,
      labels: { app: nameOf(service), version: "v1" },
      annotations: { "evenkeel.io/agent-port": "9001" },
    },
    spec: {
      automountServiceAccountToken: false,
      containers: [
        {
          name: "app",
          image: "app",
          ports: [{ containerPort: 8080 }],
          env: Array.from({ length: 10 }, (_, index) => ({ name: `SETTING_${index}`, value: `value ${index}` })),
          resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { cpu: "1", memory: "256Mi" } },
          readinessProbe: probe,
          livenessProbe: probe,
        },
      ],
    },
  };
}

export function nameOf(service: number): string {
  return `service-${service}`;
}

export function addressOf(service: number, pod: number, generation: number): string {
  const index = service * ENDPOINTS_EACH + pod;
  return `10.${generation % 250}.${Math.floor(index / 250)}.${(index % 250) + 1}`;
}
