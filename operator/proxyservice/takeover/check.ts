import { OWNER_LABEL, RESERVED_PORTS } from "../names.ts";
import type { Settled } from "../resource.ts";
import { isTcp, type Service, type ServicePort } from "../service.ts";
import { type Original, originalOf, savedOriginal, takenBy } from "./original.ts";

/** Why a ProxyService cannot be carried out. Nothing is touched then. */
export interface Refusal {
  /** The condition that says so. */
  readonly condition: "Conflict" | "TargetFound" | "IstioFound";
  readonly reason: string;
  readonly message: string;
}

/** The Services as they are to be. */
export interface Services {
  /** The Service in front: `kept` is somebody's and led elsewhere before; `made` is the operator's own. */
  readonly front: "kept" | "made";
  /** What the front's own pods and ports are; undefined when it never had any. */
  readonly original: Original | undefined;
  /** The target is made from {@link original}; else it is somebody's. */
  readonly makeTarget: boolean;
  readonly ports: readonly ServicePort[];
}

/** Does the object belong to this ProxyService? */
export function isOurs(object: { readonly metadata: Service["metadata"] } | undefined, { name }: Settled): boolean {
  return object?.metadata.labels?.[OWNER_LABEL] === name;
}

/**
 * Decides from the Services alone what they are to be.
 * @param merge gives what a Service that was taken over would be without us
 */
export function servicesFor(
  settled: Settled,
  front: Service | undefined,
  target: Service | undefined,
  merge: (front: Service, saved: Original) => Original,
): Services | Refusal {
  const makeTarget = target === undefined || isOurs(target, settled);
  if (front === undefined || isOurs(front, settled)) return withoutFront(settled, target, makeTarget);
  const owner = front.metadata.labels?.[OWNER_LABEL];
  if (owner !== undefined)
    return conflict("ServiceOfAnother", `Service ${settled.serviceName} is made by ProxyService ${owner}`);
  const by = takenBy(front);
  if (by !== undefined && by !== settled.name)
    return conflict("ServiceClaimed", `Service ${settled.serviceName} is taken over by ProxyService ${by} already`);
  const saved = by === undefined ? undefined : savedOriginal(front);
  const original = saved === undefined ? originalOf(front) : merge(front, saved);
  const refusal =
    frontFault(settled, front, original) ?? (makeTarget ? undefined : targetFault(settled, target, original.ports));
  return refusal ?? { front: "kept", original, makeTarget, ports: original.ports };
}

/** There is no Service in front that is somebody's: one is made, or made again when it was deleted after its takeover. */
function withoutFront(settled: Settled, target: Service | undefined, makeTarget: boolean): Services | Refusal {
  const { serviceName, target: name, port } = settled;
  if (!makeTarget) {
    const ports = [{ name: `port-${port}`, port }];
    return targetFault(settled, target, ports) ?? { front: "made", original: undefined, makeTarget, ports };
  }
  const original = savedOriginal(target);
  return original === undefined
    ? notFound("TargetMissing", `neither Service ${serviceName} nor ${name} exists; create one of them`)
    : { front: "kept", original, makeTarget, ports: original.ports };
}

function frontFault(settled: Settled, { spec }: Service, original: Original): Refusal | undefined {
  const service = `Service ${settled.serviceName}`;
  const keys = Object.keys(original.selector);
  if (spec.type === "ExternalName") return notFound("NoPods", `${service} is an ExternalName; it has no pods`);
  if (keys.length === 0) return notFound("NoSelector", `${service} has no selector; its pods are not known`);
  if (spec.clusterIP === "None")
    return notFound("Headless", `${service} is headless: its clients dial pods, which no gateway can stand in for`);
  if (spec.internalTrafficPolicy === "Local")
    return notFound("LocalOnly", `${service} has internalTrafficPolicy Local; a gateway is not on every node`);
  return portsFault(settled, service, original.ports);
}

function portsFault(settled: Settled, service: string, ports: readonly ServicePort[]): Refusal | undefined {
  const other = ports.find((port) => !isTcp(port));
  if (other !== undefined)
    return notFound("PortMismatch", `${service} serves ${other.protocol} on port ${other.port}; a gateway serves TCP`);
  const reserved = ports.find(({ port }) => RESERVED_PORTS.includes(port));
  if (reserved !== undefined)
    return notFound("PortMismatch", `${service} has port ${reserved.port}, which Istio's proxy needs for itself`);
  if (ports.some(({ port }) => port === settled.port)) return undefined;
  return notFound(
    "PortMismatch",
    `${service} has no port ${settled.port}, only ${ports.map(({ port }) => port).join(", ") || "none"}; set spec.port`,
  );
}

function targetFault(
  { target }: Settled,
  service: Service | undefined,
  ports: readonly ServicePort[],
): Refusal | undefined {
  if (service?.spec.type === "ExternalName") return notFound("NoPods", `Service ${target} is an ExternalName`);
  const own = (service?.spec.ports ?? []).filter(isTcp).map(({ port }) => port);
  const missing = ports.filter(({ port }) => !own.includes(port)).map(({ port }) => port);
  if (missing.length === 0) return undefined;
  return notFound(
    "PortMismatch",
    `the target ${target} lacks port ${missing.join(", ")}; it has ${own.join(", ") || "none"}`,
  );
}

function conflict(reason: string, message: string): Refusal {
  return { condition: "Conflict", reason, message };
}

function notFound(reason: string, message: string): Refusal {
  return { condition: "TargetFound", reason, message };
}
