import { FINALIZER } from "../names.ts";
import { settle } from "../resource.ts";
import type { Service } from "../service.ts";
import { giveBack } from "./front.ts";
import type { Action, Observed, Plan, PlanOptions } from "./observed.ts";
import { planEnd } from "./plan-end.ts";
import { planLife } from "./plan-life.ts";

/**
 * The takeover: from what the cluster holds to what to do next. Nothing is remembered between two calls, so an operator
 * that is killed after any write goes on from there.
 *
 * Life: finalizer, target, what the gateway is told, gateway; when it is ready the Service is turned to it; then drift is
 * repaired. End: the Service is given back; the gateway goes on until nobody can be using it; then it goes, then what it was
 * told, then the target, then the finalizer.
 */
export function plan(observed: Observed, options: PlanOptions): Plan {
  const { resource, front } = observed;
  if (resource === undefined) return planOrphan(front);
  const settled = settle(resource);
  if (resource.metadata.deletionTimestamp === undefined) return planLife(observed, resource, settled, options);
  const held = resource.metadata.finalizers?.includes(FINALIZER) === true;
  return held
    ? planEnd(observed, resource, settled, options)
    : { actions: [], status: undefined, events: [], againMs: undefined };
}

/** Somebody removed the finalizer by hand: the Service must not lead to a gateway that is going away. */
function planOrphan(front: Service | undefined): Plan {
  const actions: Action[] = front === undefined ? [] : [giveBack(front)];
  return { actions, status: undefined, events: [], againMs: undefined };
}
