import type { KubeEvent } from "../../../common/kubernetes/event.ts";
import { type ConditionType, conditionOf } from "../conditions.ts";
import { APPLIED_ANNOTATION } from "../names.ts";
import type { Condition, ProxyService, ProxyServiceStatus } from "../resource.ts";
import type { Action } from "./observed.ts";

/** Conditions whose change is worth an event, each with the status that is bad news. */
const TOLD: readonly { readonly type: ConditionType; readonly bad: Condition["status"] }[] = [
  { type: "IstioFound", bad: "False" },
  { type: "Conflict", bad: "True" },
  { type: "TargetFound", bad: "False" },
  { type: "TakenOver", bad: "Unknown" },
  { type: "WeightsLive", bad: "Unknown" },
  { type: "Ready", bad: "Unknown" },
];

/** Events for what changed, and for what somebody else changed and is repaired. */
export function eventsOf(resource: ProxyService, status: ProxyServiceStatus, actions: readonly Action[]): KubeEvent[] {
  return [...TOLD.flatMap((told) => changed(resource, status, told)), ...actions.flatMap(repaired)];
}

function changed(
  resource: ProxyService,
  status: ProxyServiceStatus,
  { type, bad }: (typeof TOLD)[number],
): KubeEvent[] {
  const before = conditionOf(resource.status?.conditions, type);
  const now = conditionOf(status.conditions, type);
  if (now === undefined || (before?.status === now.status && before.reason === now.reason)) return [];
  const warning = now.status === bad;
  // A beginning that is not done yet is no news.
  if (!warning && (before === undefined || now.reason === "NotYet")) return [];
  if (now.reason === "NotYetMade" || (type === "Ready" && now.status === "False")) return [];
  return [{ type: warning ? "Warning" : "Normal", reason: now.reason, action: type, note: now.message }];
}

function repaired(action: Action): KubeEvent[] {
  if (action.do !== "apply" || action.live === undefined) return [];
  const { object, live } = action;
  const hash = (each: typeof object) => each.metadata.annotations?.[APPLIED_ANNOTATION];
  if (hash(object) !== hash(live)) return [];
  const note = `${object.kind} ${object.metadata.name} was changed by somebody else and is put right`;
  return [{ type: "Normal", reason: "DriftRepaired", action: "Apply", note }];
}
