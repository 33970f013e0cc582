import { EVENKEEL_IMAGE } from "../../../rig/images/evenkeel.ts";

/** The port of each host's Service; that of its pods differs, so that nobody can take one for the other. */
export const HOST_PORT = 8000;
/** A name that is in no DNS. */
export const ENTRY_HOST = "api.partner.example";

const POD_PORT = 8080;

/** A host: a Deployment and a Service of the same name. */
export function hostObjects(name: string, options: { readonly pods?: number; readonly mesh?: boolean } = {}): object[] {
  const labels = { app: name, "sidecar.istio.io/inject": String(options.mesh === true) };
  const pod = {
    metadata: { labels, annotations: { "sidecar.istio.io/proxyCPU": "20m" } },
    spec: {
      automountServiceAccountToken: false,
      containers: [
        {
          name: "host",
          image: EVENKEEL_IMAGE,
          args: ["test/e2e/proxy/cluster/host.ts"],
          env: [{ name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
          readinessProbe: { httpGet: { path: "/", port: POD_PORT }, periodSeconds: 1 },
          resources: { requests: { cpu: "20m", memory: "64Mi" }, limits: { memory: "256Mi" } },
        },
      ],
    },
  };
  return [
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name },
      spec: { replicas: options.pods ?? 1, selector: { matchLabels: { app: name } }, template: pod },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name },
      spec: { selector: { app: name }, ports: [{ name: "http", port: HOST_PORT, targetPort: POD_PORT }] },
    },
  ];
}

/** Has the pods of a host take nothing but Istio's mutual TLS. */
export function strict(name: string): object {
  return {
    apiVersion: "security.istio.io/v1",
    kind: "PeerAuthentication",
    metadata: { name },
    spec: { selector: { matchLabels: { app: name } }, mtls: { mode: "STRICT" } },
  };
}

/** A host outside the mesh, which only a ServiceEntry knows. */
export function serviceEntry(address: string): object {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "ServiceEntry",
    metadata: { name: "partner" },
    spec: {
      hosts: [ENTRY_HOST],
      location: "MESH_EXTERNAL",
      resolution: "STATIC",
      ports: [{ number: 80, name: "http", protocol: "HTTP" }],
      endpoints: [{ address, ports: { http: POD_PORT } }],
    },
  };
}
