import { isDeepStrictEqual } from "node:util";
import { ageOf, conditionOf } from "../conditions.ts";
import { desiredObjects } from "../desired/desired.ts";
import type { DesiredObject } from "../desired/meta.ts";
import { envoyFilterName, FINALIZER, UNUSED_ANNOTATION } from "../names.ts";
import type { ProxyService, Settled } from "../resource.ts";
import type { Service } from "../service.ts";
import { isOurs, type Refusal, type Services, servicesFor } from "./check.ts";
import { eventsOf } from "./events.ts";
import { named } from "./front.ts";
import { gatewayState } from "./gateway-state.ts";
import type { Action, LiveObject, Observed, Plan, PlanOptions } from "./observed.ts";
import { gatewayPods, mergedOriginal, takenBy, turned } from "./original.ts";
import { statusOf } from "./status.ts";

/** While something is awaited that no watch tells of (endpoints), it is looked at this often, in ms. */
const LOOK_MS = 1000;
/** A target that is wanted no more is still known to gateways for some seconds. */
const UNUSED_MS = 30_000;
/** The weights' source may be away for so long before istiod's endpoints are taken again. */
const CONTROL_PLANE_GONE_MS = 60_000;

export function planLife(observed: Observed, resource: ProxyService, settled: Settled, options: PlanOptions): Plan {
  const { front, target } = observed;
  const services =
    refusalOf(observed) ??
    servicesFor(settled, front, target, (service, saved) => mergedOriginal(service, saved, settled));
  const handOver = shouldHandOver(observed, resource, settled, options);
  const actions = "reason" in services ? [] : actionsFor(observed, resource, settled, services, handOver, options);
  const found = {
    refusal: "reason" in services ? services : undefined,
    handOver,
    weighable: options.xds !== undefined,
  };
  const status = statusOf(observed, resource, settled, found);
  const waiting = conditionOf(status.conditions, "Ready")?.status !== "True" && !("reason" in services);
  const soon = waiting || actions.length > 0 || observed.ours.some((object) => unusedSince(object) !== undefined);
  return { actions, status, events: eventsOf(resource, status, actions), againMs: soon ? LOOK_MS : undefined };
}

/** What stands in the way before any Service is looked at. */
function refusalOf({ rival, inTheWay, missing, resource }: Observed): Refusal | undefined {
  if (missing !== undefined) return { condition: "IstioFound", reason: "ApiMissing", message: missing };
  if (rival !== undefined) {
    const message = `ProxyService ${rival} has Service ${resource?.spec.serviceName} already; delete one of the two`;
    return { condition: "Conflict", reason: "ServiceClaimed", message };
  }
  if (inTheWay.length === 0) return undefined;
  const message = `${inTheWay.join(", ")} exists and belongs to somebody else; rename it or this ProxyService`;
  return { condition: "Conflict", reason: "NameTaken", message };
}

function actionsFor(
  observed: Observed,
  resource: ProxyService,
  settled: Settled,
  services: Services,
  handOver: boolean,
  options: PlanOptions,
): Action[] {
  if (resource.metadata.finalizers?.includes(FINALIZER) !== true)
    return [{ do: "finalizers", finalizers: [...(resource.metadata.finalizers ?? []), FINALIZER] }];
  const desired = desiredObjects({
    resource,
    ports: services.ports,
    makeTargetFrom: services.makeTarget ? services.original : undefined,
    makeFront: services.front === "made",
    xds: options.xds,
    handOver,
    clusterDomain: options.clusterDomain,
  });
  const applies = desired.flatMap((object): Action[] => {
    const live = observed.ours.find((each) => isSame(each, object));
    return live !== undefined && options.isCurrent(object, live) ? [] : [{ do: "apply", object, live }];
  });
  return [
    ...applies,
    ...frontActions(observed, settled, services, applies.length === 0),
    ...pruning(observed, desired),
  ];
}

/** Turns the Service, or turns it again when somebody else wrote to it. */
function frontActions(observed: Observed, settled: Settled, services: Services, allThere: boolean): Action[] {
  const { front } = observed;
  if (services.front === "made" || services.original === undefined) return [];
  if (front === undefined) return [{ do: "create", object: named(newFront(settled, services)) }];
  const wanted = turned(front, services.original, settled);
  if (isDeepStrictEqual(wanted, front)) return [];
  const ready = gatewayState(observed, settled).ready;
  if (takenBy(front) !== settled.name) {
    const { targetEndpoints, frontEndpoints } = observed;
    const served = targetEndpoints.others > 0 || frontEndpoints.others === 0;
    return allThere && ready && served ? [{ do: "replace", object: named(wanted) }] : [];
  }
  // It leads somewhere that works, and the gateway does not.
  return ready || leadsToGateway(front, settled) ? [{ do: "replace", object: named(wanted) }] : [];
}

function leadsToGateway(front: Service, settled: Settled): boolean {
  const own = Object.keys(gatewayPods(settled));
  return Object.keys(front.spec.selector ?? {}).some((key) => own.includes(key));
}

/** The Service in front was deleted after its takeover: its address is lost, its clients' name for it is not. */
function newFront(settled: Settled, services: Services): Service {
  const ports = services.ports.map(({ nodePort: _, ...port }) => port);
  const original = { selector: services.original?.selector ?? {}, ports };
  const { serviceName, namespace } = settled;
  return turned({ metadata: { name: serviceName, namespace }, spec: {} }, original, settled);
}

/** Removes what is ours and wanted no more; a Service only when the gateways have forgotten it. */
function pruning({ ours, nowMs }: Observed, desired: readonly DesiredObject[]): Action[] {
  return ours.flatMap((object): Action[] => {
    const since = unusedSince(object);
    if (desired.some((each) => isSame(each, object)))
      return since === undefined ? [] : [{ do: "unused", object, since: null }];
    if (object.metadata.deletionTimestamp !== undefined) return [];
    if (object.kind !== "Service") return [{ do: "delete", object, wait: false }];
    if (since === undefined) return [{ do: "unused", object, since: new Date(nowMs).toISOString() }];
    return nowMs - Date.parse(since) >= UNUSED_MS ? [{ do: "delete", object, wait: false }] : [];
  });
}

function unusedSince(object: LiveObject): string | undefined {
  return object.metadata.annotations?.[UNUSED_ANNOTATION];
}

function isSame(a: LiveObject, b: LiveObject): boolean {
  return a.kind === b.kind && a.metadata.name === b.metadata.name;
}

/** A control plane that restarts keeps the hand-over; one that stays away loses it, or new gateways would have no endpoints. */
function shouldHandOver(observed: Observed, resource: ProxyService, settled: Settled, { xds }: PlanOptions): boolean {
  if (xds === undefined || settled.weights === undefined) return false;
  if (observed.controlPlane) return true;
  const filter = envoyFilterName(settled.name);
  const handedOver = observed.ours.some(
    (object) => object.kind === "EnvoyFilter" && object.metadata.name === filter && isOurs(object, settled),
  );
  const live = conditionOf(resource.status?.conditions, "WeightsLive");
  const goneFor = live?.status === "Unknown" ? ageOf(live, observed.nowMs) : 0;
  return handedOver && goneFor < CONTROL_PLANE_GONE_MS;
}
