import { gatewaySelector, HTTPS_PORT, ORIGINAL_ANNOTATION, STATUS_PORT, TAKEN_BY_ANNOTATION } from "../names.ts";
import type { Settled } from "../resource.ts";
import type { Service, ServicePort } from "../service.ts";

/** What a Service was before it was taken over: only what a takeover changes. */
export interface Original {
  readonly selector: Readonly<Record<string, string>>;
  readonly ports: readonly ServicePort[];
}

/** Added to Services that are seen inside the cluster only; elsewhere they would open ports to the outside. */
const ADDED: readonly ServicePort[] = [
  // Istio reads a port's protocol off its name, unless it is said.
  { name: "status-port", port: STATUS_PORT, protocol: "TCP", targetPort: STATUS_PORT, appProtocol: "http" },
  { name: "https", port: HTTPS_PORT, protocol: "TCP", targetPort: HTTPS_PORT },
];

/** Selector of the gateway's pods. */
export function gatewayPods({ name, namespace }: Settled): Record<string, string> {
  return gatewaySelector(name, namespace);
}

/** Which ProxyService has taken the Service over, by its annotation. */
export function takenBy(service: Service | undefined): string | undefined {
  return service?.metadata.annotations?.[TAKEN_BY_ANNOTATION];
}

/** What the Service was, or the one that the target was made from; undefined when nothing says so. */
export function savedOriginal(service: Service | undefined): Original | undefined {
  const text = service?.metadata.annotations?.[ORIGINAL_ANNOTATION];
  if (text === undefined) return undefined;
  try {
    const saved = JSON.parse(text) as Partial<Original>;
    return saved.selector !== undefined && Array.isArray(saved.ports)
      ? { selector: saved.selector, ports: saved.ports }
      : undefined;
  } catch {
    return undefined;
  }
}

export function originalOf({ spec }: Service): Original {
  return { selector: spec.selector ?? {}, ports: (spec.ports ?? []).map(inOrder) };
}

/**
 * The ports of a Service that leads to the gateway: the same ones, each at the port of that number of the pods. So Envoy
 * listens on the same ports before and after the turn, whichever Service istiod looks at. No port gets another name:
 * kube-proxies find endpoints by it, and would have none until those are renamed too. So a Service whose only port has no
 * name gets no more ports, which would need names.
 */
export function gatewayPorts(ports: readonly ServicePort[], type: string | undefined): ServicePort[] {
  const turned = ports.map((port) => ({ ...port, targetPort: port.port }));
  const closed = (type ?? "ClusterIP") !== "ClusterIP" || ports.some(({ name }) => name === undefined);
  if (closed) return turned;
  return [
    ...turned,
    ...ADDED.filter(({ port, name }) => turned.every((own) => own.port !== port && own.name !== name)),
  ];
}

/** The Service as it leads to the gateway, with what it was kept in it: one write does both. */
export function turned(service: Service, original: Original, settled: Settled): Service {
  return {
    ...service,
    metadata: {
      ...service.metadata,
      annotations: {
        ...service.metadata.annotations,
        [ORIGINAL_ANNOTATION]: JSON.stringify(original),
        [TAKEN_BY_ANNOTATION]: settled.name,
      },
    },
    spec: {
      ...service.spec,
      selector: gatewayPods(settled),
      ports: gatewayPorts(original.ports, service.spec.type),
    },
  };
}

/** The Service as it was. */
export function givenBack(service: Service, original: Original): Service {
  const { annotations, ...metadata } = service.metadata;
  const { [ORIGINAL_ANNOTATION]: _original, [TAKEN_BY_ANNOTATION]: _by, ...rest } = annotations ?? {};
  return {
    ...service,
    metadata: Object.keys(rest).length === 0 ? metadata : { ...metadata, annotations: rest },
    spec: { ...service.spec, selector: original.selector, ports: original.ports },
  };
}

/**
 * What the Service would be now without us, when somebody else wrote to it after the takeover: their changes on top of what
 * was kept. A three-way merge: what is as we left it counts as unchanged. `kubectl apply` of the Service's own manifest
 * puts its selector's keys beside ours; a `kubectl replace` puts them in place of ours.
 */
export function mergedOriginal(service: Service, saved: Original, { name, namespace }: Settled): Original {
  const ours = gatewaySelector(name, namespace);
  const theirs = Object.fromEntries(
    Object.entries(service.spec.selector ?? {}).filter(([key, value]) => ours[key] !== value),
  );
  return {
    selector: Object.keys(theirs).length === 0 ? saved.selector : theirs,
    ports: mergedPorts(service, saved),
  };
}

function mergedPorts({ spec }: Service, saved: Original): ServicePort[] {
  const live = spec.ports ?? [];
  const left = gatewayPorts(saved.ports, spec.type);
  const added = ADDED.filter(({ port }) => saved.ports.every((own) => own.port !== port));
  return live
    .filter((port) => !added.some((each) => each.port === port.port && each.name === port.name))
    .map((port) => {
      const same = (each: ServicePort) => each.port === port.port && protocolOf(each) === protocolOf(port);
      return mergedPort(port, left.find(same), saved.ports.find(same));
    });
}

/** Field by field: as we left it means as it was. */
function mergedPort(live: ServicePort, left: ServicePort | undefined, was: ServicePort | undefined): ServicePort {
  if (left === undefined || was === undefined) return inOrder(live);
  return portOf((field) => (live[field] === left[field] ? was[field] : live[field]));
}

/** The same port always as the same text: what was kept is compared as text. */
const inOrder = (port: ServicePort): ServicePort => portOf((field) => port[field]);

const FIELDS = ["name", "port", "protocol", "targetPort", "nodePort", "appProtocol"] as const;

function portOf(read: (field: (typeof FIELDS)[number]) => number | string | undefined): ServicePort {
  const entries = FIELDS.map((field) => [field, read(field)] as const).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as unknown as ServicePort;
}

const protocolOf = (port: ServicePort): string => port.protocol ?? "TCP";
