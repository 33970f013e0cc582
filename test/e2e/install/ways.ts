/** Who must reach whom, and who must not, with our NetworkPolicies: tried on a real cluster here, and judged in manifests/. */

/** Pods of one kind. */
export interface Party {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Way {
  readonly from: Party;
  readonly to: Party;
  /** Of the pod that is called. */
  readonly port: number;
  readonly open: boolean;
}

const SYSTEM = "evenkeel";
const XDS = 18000;
const CONSOLE = 18001;
const HTTP = 8080;
const AGENT = 9091;

/** An app of anybody's, with an agent. */
export const STRANGER: Party = { name: "an app", namespace: "shop", labels: { app: "s0" } };

const inSystem = (name: string, app: string): Party => ({
  name,
  namespace: SYSTEM,
  labels: { "app.kubernetes.io/name": app },
});
const CONTROL_PLANE = inSystem("the control plane", "evenkeel-control-plane");
const OPERATOR = inSystem("the operator", "proxy-service-operator");
const GATEWAY = inSystem("a gateway of our own", "evenkeel-gateway");

const control = (from: Party, ports: Readonly<Record<number, boolean>>): Way[] =>
  Object.entries(ports).map(([port, open]) => ({ from, to: CONTROL_PLANE, port: Number(port), open }));

/** In a mesh xDS is for all, who must show who they are; the console is for its own namespace. */
export const MESH_WAYS: readonly Way[] = [
  ...control(STRANGER, { [XDS]: true, [CONSOLE]: false }),
  ...control(OPERATOR, { [CONSOLE]: true }),
  { from: CONTROL_PLANE, to: STRANGER, port: AGENT, open: true },
];

/** Without one xDS is plain text, and for the gateways. */
export const STANDALONE_WAYS: readonly Way[] = [
  ...control(STRANGER, { [XDS]: false, [CONSOLE]: false }),
  ...control(GATEWAY, { [XDS]: true }),
  { from: CONTROL_PLANE, to: STRANGER, port: AGENT, open: true },
  { from: STRANGER, to: GATEWAY, port: HTTP, open: true },
  { from: GATEWAY, to: STRANGER, port: HTTP, open: true },
];

const ofUploads = (name: string, app: string): Party => ({ name, namespace: "default", labels: { app } });
const MASTER = ofUploads("the upload gateway", "proxy-master");
const WORKER = ofUploads("a worker", "proxy-worker");
const UPLOAD_PLANE = ofUploads("the uploads' control plane", "proxy-control-plane");

/** Workers run what strangers upload: they reach nobody, and only gateways and the control plane reach them. */
export const UPLOAD_WAYS: readonly Way[] = [
  { from: STRANGER, to: MASTER, port: HTTP, open: true },
  { from: STRANGER, to: WORKER, port: HTTP, open: false },
  { from: STRANGER, to: WORKER, port: AGENT, open: false },
  { from: STRANGER, to: UPLOAD_PLANE, port: XDS, open: false },
  { from: STRANGER, to: UPLOAD_PLANE, port: CONSOLE, open: false },
  { from: MASTER, to: WORKER, port: HTTP, open: true },
  { from: MASTER, to: WORKER, port: AGENT, open: false },
  { from: MASTER, to: UPLOAD_PLANE, port: XDS, open: true },
  { from: MASTER, to: UPLOAD_PLANE, port: CONSOLE, open: false },
  { from: UPLOAD_PLANE, to: WORKER, port: AGENT, open: true },
  { from: UPLOAD_PLANE, to: WORKER, port: HTTP, open: false },
  { from: WORKER, to: STRANGER, port: HTTP, open: false },
  { from: WORKER, to: MASTER, port: HTTP, open: false },
  { from: WORKER, to: UPLOAD_PLANE, port: XDS, open: false },
  { from: WORKER, to: UPLOAD_PLANE, port: CONSOLE, open: false },
];

/** Its operator, as KEDA's own chart and manifests install it. */
export const KEDA: Party = { name: "KEDA", namespace: "keda", labels: { app: "keda-operator" } };
const SCALER: Party = { name: "the scaler", namespace: "posture", labels: { app: "posture-external-scaler" } };

/** Who asks the scaler claims nodes and images. */
export const POSTURE_WAYS: readonly Way[] = [
  { from: KEDA, to: SCALER, port: HTTP, open: true },
  { from: STRANGER, to: SCALER, port: HTTP, open: false },
];

/** For people, e.g. `a worker to an app, port 8080`. */
export const wayText = ({ from, to, port }: Way): string => `${from.name} to ${to.name}, port ${port}`;
