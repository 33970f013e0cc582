import type { KubeObject, ObjectMeta } from "../../../common/kubernetes/object.ts";

/** The port of a pod on which its CPU agent answers. */
export const AGENT_PORT_ANNOTATION = "evenkeel.io/agent-port";
/** Istio's injector sets it on pods that take mutual TLS. */
export const ISTIO_TLS_LABEL = "security.istio.io/tlsMode";
const SERVICE_LABEL = "kubernetes.io/service-name";

export interface EndpointSlice extends KubeObject {
  readonly addressType: "IPv4" | "IPv6" | "FQDN";
  readonly endpoints?: readonly SliceEndpoint[] | null;
  readonly ports?: readonly SlicePort[] | null;
}

export interface SliceEndpoint {
  readonly addresses: readonly string[];
  readonly conditions?: {
    readonly ready?: boolean | null;
    readonly serving?: boolean | null;
    readonly terminating?: boolean | null;
  };
  readonly nodeName?: string | null;
  readonly zone?: string | null;
  readonly targetRef?: { readonly kind?: string; readonly namespace?: string; readonly name?: string };
}

export interface SlicePort {
  readonly name?: string | null;
  readonly port?: number | null;
  readonly protocol?: string | null;
}

export interface Service extends KubeObject {
  readonly spec?: {
    readonly ipFamilies?: readonly string[];
    readonly ports?: readonly ServicePort[];
  };
}

export interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly protocol?: string;
  readonly appProtocol?: string;
}

export interface Pod extends KubeObject {
  readonly spec?: {
    readonly nodeName?: string;
    readonly containers?: readonly Container[];
    /** Those that restart always run beside the others. */
    readonly initContainers?: readonly Container[];
    readonly resources?: Resources;
  };
  readonly status?: { readonly podIP?: string };
}

export interface Container {
  readonly restartPolicy?: string;
  readonly resources?: Resources;
}

/** Quantities as the API writes them, e.g. `500m`. */
export interface Resources {
  readonly limits?: { readonly cpu?: string };
  readonly requests?: { readonly cpu?: string };
}

export interface Node extends KubeObject {
  readonly status?: {
    readonly allocatable?: { readonly cpu?: string };
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    readonly daemonEndpoints?: { readonly kubeletEndpoint?: { readonly Port?: number } };
  };
}

export interface DestinationRule extends KubeObject {
  readonly spec?: {
    readonly host?: string;
    readonly subsets?: readonly { readonly name: string; readonly labels?: Readonly<Record<string, string>> }[];
  };
}

/** The Service of a slice: `NAMESPACE/NAME`; undefined for one that belongs to none. */
export function serviceOfSlice({ metadata }: EndpointSlice): string | undefined {
  const service = metadata.labels?.[SERVICE_LABEL];
  return service === undefined ? undefined : `${metadata.namespace}/${service}`;
}

/** A slice without what is not used: memory. */
export function keepSlice({ metadata, addressType, endpoints, ports }: EndpointSlice): EndpointSlice {
  const service = metadata.labels?.[SERVICE_LABEL];
  return {
    metadata: keepMeta(metadata, service === undefined ? {} : { [SERVICE_LABEL]: service }),
    addressType,
    endpoints: (endpoints ?? []).map(({ addresses, conditions, nodeName, zone, targetRef }) => ({
      addresses: addresses.slice(0, 1),
      ...(conditions && { conditions }),
      ...(nodeName && { nodeName }),
      ...(zone && { zone }),
      ...(targetRef && { targetRef: keepReference(targetRef) }),
    })),
    ports: ports ?? [],
  };
}

export function keepService({ metadata, spec }: Service): Service {
  return {
    metadata: keepMeta(metadata),
    spec: {
      ...(spec?.ipFamilies && { ipFamilies: spec.ipFamilies }),
      ports: (spec?.ports ?? []).map(({ name, port, protocol, appProtocol }) => ({
        port,
        ...(name && { name }),
        ...(protocol && { protocol }),
        ...(appProtocol && { appProtocol }),
      })),
    },
  };
}

export function keepPod({ metadata, spec, status }: Pod): Pod {
  const agentPort = metadata.annotations?.[AGENT_PORT_ANNOTATION];
  const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  return {
    metadata: {
      ...keepMeta(metadata, metadata.labels),
      ...(agentPort !== undefined && { annotations: { [AGENT_PORT_ANNOTATION]: agentPort } }),
    },
    spec: {
      ...(spec?.nodeName && { nodeName: spec.nodeName }),
      ...(spec?.resources && { resources: keepCpu(spec.resources) }),
      containers: [...(spec?.containers ?? []), ...sidecars].map(({ resources }) => ({
        resources: keepCpu(resources ?? {}),
      })),
    },
    ...(status?.podIP && { status: { podIP: status.podIP } }),
  };
}

export function keepNode({ metadata, status }: Node): Node {
  const topology = Object.entries(metadata.labels ?? {}).filter(([label]) => label.startsWith("topology."));
  return {
    metadata: keepMeta(metadata, Object.fromEntries(topology)),
    status: {
      ...(status?.allocatable?.cpu && { allocatable: { cpu: status.allocatable.cpu } }),
      addresses: (status?.addresses ?? []).map(({ type, address }) => ({ type, address })),
      ...(status?.daemonEndpoints && { daemonEndpoints: status.daemonEndpoints }),
    },
  };
}

export function keepDestinationRule({ metadata, spec }: DestinationRule): DestinationRule {
  const subsets = (spec?.subsets ?? []).map(({ name, labels }) => ({ name, ...(labels && { labels }) }));
  return { metadata: keepMeta(metadata), spec: { ...(spec?.host && { host: spec.host }), subsets } };
}

function keepMeta(meta: ObjectMeta, labels: Readonly<Record<string, string>> = {}): ObjectMeta {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = meta;
  return {
    name,
    ...(namespace && { namespace }),
    ...(uid && { uid }),
    ...(resourceVersion && { resourceVersion }),
    ...(creationTimestamp && { creationTimestamp }),
    labels,
  };
}

function keepReference({ kind, namespace, name }: NonNullable<SliceEndpoint["targetRef"]>): SliceEndpoint["targetRef"] {
  return { ...(kind && { kind }), ...(namespace && { namespace }), ...(name && { name }) };
}

function keepCpu({ limits, requests }: Resources): Resources {
  return {
    ...(limits?.cpu && { limits: { cpu: limits.cpu } }),
    ...(requests?.cpu && { requests: { cpu: requests.cpu } }),
  };
}
