import type { Node, Pod, Resources } from "../../fleet/kubernetes/objects.ts";
import { cpuCores } from "./quantity.ts";

/**
 * The cores that a pod may use: its limit; without one its request, which is what it is promised; without that either all
 * that its node gives to pods.
 * @returns undefined when none of them is known
 */
export function cpuAllowance(pod: Pod | undefined, node: Node | undefined): number | undefined {
  const containers = pod?.spec?.containers?.map(({ resources }) => resources ?? {}) ?? [];
  const own = pod?.spec?.resources;
  return (
    positive(cpuCores(own?.limits?.cpu)) ??
    limitOf(containers) ??
    positive(cpuCores(own?.requests?.cpu)) ??
    requestOf(containers) ??
    positive(cpuCores(node?.status?.allocatable?.cpu))
  );
}

/** One container without a limit may use what it likes, and so may the pod. */
function limitOf(containers: readonly Resources[]): number | undefined {
  const limits = containers.map(({ limits }) => positive(cpuCores(limits?.cpu)));
  if (limits.length === 0 || limits.includes(undefined)) return undefined;
  return sum(limits);
}

function requestOf(containers: readonly Resources[]): number | undefined {
  return positive(sum(containers.map(({ requests }) => cpuCores(requests?.cpu))));
}

function sum(values: readonly (number | undefined)[]): number {
  return values.reduce<number>((total, value) => total + (value ?? 0), 0);
}

function positive(value: number | undefined): number | undefined {
  return value !== undefined && value > 0 ? value : undefined;
}
