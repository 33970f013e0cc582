import { ageOf, conditionOf } from "../conditions.ts";
import { GRACE_SECONDS } from "../desired/deployment.ts";
import { FINALIZER } from "../names.ts";
import type { ProxyService, ProxyServiceStatus, Settled } from "../resource.ts";
import { isOurs } from "./check.ts";
import { eventsOf } from "./events.ts";
import { giveBack } from "./front.ts";
import { gatewayDeployment } from "./gateway-state.ts";
import type { Action, LiveObject, Observed, Plan, PlanOptions } from "./observed.ts";
import { takenBy } from "./original.ts";
import { statusOf } from "./status.ts";

const LOOK_MS = 1000;
/** Endpoints of the Service that never come (no pods any more) are not waited for longer, after the drain. */
const ENDPOINTS_MS = 60_000;
/** Pods that outlive their grace period (their node is gone) are not waited for longer. */
const PODS_MS = 60_000;

export function planEnd(observed: Observed, resource: ProxyService, settled: Settled, options: PlanOptions): Plan {
  const status = statusOf(observed, resource, settled, {
    refusal: undefined,
    handOver: observed.ours.some(({ kind }) => kind === "EnvoyFilter"),
    weighable: options.xds !== undefined,
  });
  const actions = actionsFor(observed, resource, settled, status, options);
  return { actions, status, events: eventsOf(resource, status, actions), againMs: LOOK_MS };
}

function actionsFor(
  observed: Observed,
  resource: ProxyService,
  settled: Settled,
  status: ProxyServiceStatus,
  options: PlanOptions,
): Action[] {
  const { front, ours } = observed;
  const known = conditionOf(resource.status?.conditions, "TakenOver")?.status;
  const made = isOurs(front, settled);
  if (front !== undefined && (takenBy(front) === settled.name || made)) {
    // The drain is counted from the change of this condition, so it has to say first that there was a takeover.
    if (known !== "True") return [];
    return made ? removal(ours.filter((object) => isNamed(object, "Service", settled.serviceName))) : [giveBack(front)];
  }
  const back = conditionOf(status.conditions, "TakenOver");
  const wasTaken = known === "True" || back?.reason === "GivenBack";
  // The time is this condition's in the cluster; the one that is only planned begins when it is written.
  if (
    known === "True" ||
    (wasTaken && back !== undefined && isDraining(observed, ageOf(back, observed.nowMs), options))
  )
    return [];
  return dismantling(observed, resource, settled);
}

/** Can anybody still be sending to the gateway? */
function isDraining({ frontEndpoints, targetEndpoints }: Observed, ageMs: number, { drainMs }: PlanOptions): boolean {
  if (ageMs < drainMs) return true;
  const moved = frontEndpoints.gateway === 0 && (frontEndpoints.others > 0 || targetEndpoints.others === 0);
  return !moved && ageMs < drainMs + ENDPOINTS_MS;
}

/** First the gateway's pods, then what they were told: a pod that ends still serves by it. Then the finalizer. */
function dismantling(observed: Observed, resource: ProxyService, settled: Settled): Action[] {
  const { ours, nowMs } = observed;
  const deployment = gatewayDeployment(observed, settled);
  if (deployment !== undefined && !isOverdue(deployment, nowMs)) {
    const scaling = ours.filter(({ kind }) => kind === "HorizontalPodAutoscaler" || kind === "PodDisruptionBudget");
    return removal([...scaling, deployment], deployment);
  }
  const rest = ours.filter((object) => object !== deployment);
  if (rest.length > 0) return removal(rest);
  const finalizers = (resource.metadata.finalizers ?? []).filter((finalizer) => finalizer !== FINALIZER);
  return [{ do: "finalizers", finalizers }];
}

function isOverdue({ metadata }: LiveObject, nowMs: number): boolean {
  const since = metadata.deletionTimestamp;
  return since !== undefined && nowMs - Date.parse(since) > GRACE_SECONDS * 1000 + PODS_MS;
}

function removal(objects: readonly LiveObject[], waited?: LiveObject): Action[] {
  return objects
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map((object) => ({ do: "delete", object, wait: object === waited }));
}

function isNamed(object: LiveObject, kind: string, name: string): boolean {
  return object.kind === kind && object.metadata.name === name;
}
