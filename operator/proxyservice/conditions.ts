import type { Condition } from "./resource.ts";

export type ConditionType =
  | "Ready"
  | "IstioFound"
  | "Conflict"
  | "TargetFound"
  | "GatewayReady"
  | "TakenOver"
  | "WeightsLive";

/** A condition without its times. */
export interface Finding {
  readonly type: ConditionType;
  readonly status: Condition["status"];
  readonly reason: string;
  readonly message: string;
}

/** Gives findings their times: a condition keeps the time of its last change of status. @param nowMs since 1970 */
export function conditionsOf(
  findings: readonly Finding[],
  previous: readonly Condition[],
  generation: number,
  nowMs: number,
): Condition[] {
  return findings.map((finding) => {
    const before = previous.find(({ type }) => type === finding.type);
    return {
      ...finding,
      lastTransitionTime:
        before?.status === finding.status
          ? before.lastTransitionTime
          : new Date(nowMs).toISOString().replace(/\.\d+Z$/, "Z"),
      observedGeneration: generation,
    };
  });
}

export function conditionOf(conditions: readonly Condition[] | undefined, type: ConditionType): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** How long a condition has had its status, in ms. */
export function ageOf(condition: Condition, nowMs: number): number {
  return nowMs - Date.parse(condition.lastTransitionTime);
}
