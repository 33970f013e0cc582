import { type Cluster, type Endpoint, endpointKey, type Locality } from "../fleet.ts";
import {
  AGENT_PORT_ANNOTATION,
  type EndpointSlice,
  ISTIO_TLS_LABEL,
  type Node,
  type Pod,
  type Service,
  type ServicePort,
  type SliceEndpoint,
} from "./objects.ts";
import type { ServiceReference } from "./service-reference.ts";

/** What the cluster holds of one Service. */
export interface ServiceState {
  readonly service: Service | undefined;
  readonly slices: readonly EndpointSlice[];
  /** By `NAMESPACE/NAME`. */
  readonly pods: ReadonlyMap<string, Pod>;
  /** False: nothing is heard of new pods, so that one which is not among {@link pods} may well be there. */
  readonly podsFollowed: boolean;
  /** By name. */
  readonly nodes: ReadonlyMap<string, Node>;
  /** The labels of the wanted subset; undefined when nothing declares it. */
  readonly subsetLabels: Readonly<Record<string, string>> | undefined;
}

const CONNECT_TIMEOUT_MS = 1000;
const FAMILIES = ["IPv4", "IPv6"];

/** The cluster of a Service's port: pure. An unknown Service, port or subset gives a cluster without endpoints. */
export function clusterOf(name: string, reference: ServiceReference, state: ServiceState): Cluster {
  const servicePort = state.service?.spec?.ports?.find(
    ({ port, protocol = "TCP" }) => port === reference.port && protocol === "TCP",
  );
  const endpoints = servicePort === undefined ? [] : endpointsOf(servicePort, reference, state);
  return { name, endpoints, protocol: protocolOf(servicePort), connectTimeoutMs: CONNECT_TIMEOUT_MS };
}

/** The pods that the slices name, ready or not: their changes concern the cluster. */
export function podsOf(slices: readonly EndpointSlice[]): ReadonlySet<string> {
  const pods = new Set<string>();
  for (const slice of slices)
    for (const endpoint of slice.endpoints ?? []) {
      const key = podKey(endpoint, slice);
      if (key !== undefined) pods.add(key);
    }
  return pods;
}

function endpointsOf(servicePort: ServicePort, reference: ServiceReference, state: ServiceState): readonly Endpoint[] {
  const found = new Map<string, Endpoint>();
  // Slices may come before their pods, and only a pod itself says whether it takes mutual TLS: where others do, it is waited for.
  const awaitsPods = state.podsFollowed && [...podsOf(state.slices)].some((key) => takesIstioTls(state.pods.get(key)));
  /** Pods of the families before: one that has two addresses is offered once. */
  const earlier = new Set<string>();
  for (const family of familyOrder(state.service)) {
    const here = new Set<string>();
    for (const slice of state.slices) {
      const port = slice.addressType === family ? targetPort(slice, servicePort) : undefined;
      if (port === undefined) continue;
      for (const entry of slice.endpoints ?? []) {
        const pod = podKey(entry, slice);
        // An address without a pod can be matched with its twin of the other family by nothing.
        const identity = pod ?? "without a pod";
        if (awaitsPods && pod !== undefined && !state.pods.has(pod)) continue;
        const endpoint = earlier.has(identity) ? undefined : toEndpoint(entry, port, pod, reference, state);
        if (endpoint === undefined) continue;
        here.add(identity);
        // One that moves between slices stands in both for a moment.
        if (found.get(endpoint.key)?.state !== "ready") found.set(endpoint.key, endpoint);
      }
    }
    for (const identity of here) earlier.add(identity);
  }
  return [...found.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

function toEndpoint(
  entry: SliceEndpoint,
  port: number,
  podName: string | undefined,
  reference: ServiceReference,
  { pods, nodes, subsetLabels }: ServiceState,
): Endpoint | undefined {
  const address = entry.addresses[0];
  const state = stateOf(entry);
  const pod = podName === undefined ? undefined : pods.get(podName);
  if (address === undefined || state === undefined) return undefined;
  if (reference.subset !== "" && !hasLabels(pod, subsetLabels)) return undefined;
  const node = entry.nodeName ?? pod?.spec?.nodeName;
  const agentPort = agentPortOf(pod);
  return {
    key: endpointKey(address, port),
    address,
    port,
    locality: localityOf(entry, node === undefined ? undefined : nodes.get(node)),
    state,
    ...(agentPort !== undefined && { agent: { address, port: agentPort } }),
    ...(podName !== undefined && { pod: podReference(podName, node) }),
    ...(takesIstioTls(pod) && { tls: "istio" as const }),
  };
}

function takesIstioTls(pod: Pod | undefined): boolean {
  return pod?.metadata.labels?.[ISTIO_TLS_LABEL] === "istio";
}

/**
 * Conditions that are absent are read as the API says: ready, serving as ready, not terminating. One that terminates and
 * still serves is kept as draining.
 */
function stateOf({ conditions }: SliceEndpoint): Endpoint["state"] | undefined {
  const ready = conditions?.ready ?? true;
  const serving = conditions?.serving ?? ready;
  if (conditions?.terminating === true) return serving || ready ? "draining" : undefined;
  return ready ? "ready" : undefined;
}

/** Families in the Service's order, then the other one: slices of a Service that changes its families may be either. */
function familyOrder(service: Service | undefined): readonly string[] {
  const own = service?.spec?.ipFamilies ?? [];
  return [...own, ...FAMILIES.filter((family) => !own.includes(family))];
}

/** Slices hold the pods' ports by the names of the Service's ports; one without a name has an empty one. */
function targetPort(slice: EndpointSlice, { name = "" }: ServicePort): number | undefined {
  const port = slice.ports?.find((each) => (each.name ?? "") === name && (each.protocol ?? "TCP") === "TCP");
  return port?.port ?? undefined;
}

function podKey({ targetRef }: SliceEndpoint, slice: EndpointSlice): string | undefined {
  if (targetRef?.kind !== "Pod" || targetRef.name === undefined) return undefined;
  return `${targetRef.namespace ?? slice.metadata.namespace}/${targetRef.name}`;
}

function podReference(key: string, node: string | undefined): NonNullable<Endpoint["pod"]> {
  const [namespace = "", name = ""] = key.split("/");
  return { namespace, name, ...(node !== undefined && { node }) };
}

function hasLabels(pod: Pod | undefined, wanted: Readonly<Record<string, string>> | undefined): boolean {
  if (pod === undefined || wanted === undefined) return false;
  return Object.entries(wanted).every(([label, value]) => pod.metadata.labels?.[label] === value);
}

function agentPortOf(pod: Pod | undefined): number | undefined {
  const text = pod?.metadata.annotations?.[AGENT_PORT_ANNOTATION] ?? "";
  const port = Number(text);
  return /^\d+$/.test(text) && port >= 1 && port <= 65535 ? port : undefined;
}

/** The node's labels, as Istio reads them, so that both speak of the same places; else the slice's own zone. */
function localityOf(entry: SliceEndpoint, node: Node | undefined): Locality {
  const labels = node?.metadata.labels ?? {};
  return {
    region: labels["topology.kubernetes.io/region"] ?? "",
    zone: labels["topology.kubernetes.io/zone"] ?? entry.zone ?? "",
    subZone: labels["topology.istio.io/subzone"] ?? "",
  };
}

function protocolOf(port: ServicePort | undefined): Cluster["protocol"] {
  const told = port?.appProtocol ?? port?.name ?? "";
  return /^(kubernetes\.io\/h2c|http2|grpc)(-|$)/.test(told) ? "http2" : "http1";
}
