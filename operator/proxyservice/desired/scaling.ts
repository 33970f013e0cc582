import { apiVersionOf, RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import { gatewaySelector } from "../names.ts";
import type { Settled } from "../resource.ts";
import { type DesiredObject, objectOf } from "./meta.ts";

/** The autoscaler of the gateway, unless its replicas are fixed. */
export function autoscaler(settled: Settled): DesiredObject[] {
  const { name, scaling } = settled;
  if (scaling.kind === "fixed") return [];
  return [
    {
      ...objectOf(RESOURCES.horizontalPodAutoscalers, settled, name),
      spec: {
        scaleTargetRef: { apiVersion: apiVersionOf(RESOURCES.deployments), kind: "Deployment", name },
        minReplicas: scaling.min,
        maxReplicas: scaling.max,
        metrics: [
          {
            type: "Resource",
            resource: { name: "cpu", target: { type: "Utilization", averageUtilization: scaling.cpuPercent } },
          },
        ],
      },
    },
  ];
}

/** Evictions take one gateway pod at a time; a single one may be evicted too, or its node could never be drained. */
export function disruptionBudget(settled: Settled): DesiredObject {
  return {
    ...objectOf(RESOURCES.podDisruptionBudgets, settled, settled.name),
    spec: {
      maxUnavailable: 1,
      selector: { matchLabels: gatewaySelector(settled.name, settled.namespace) },
    },
  };
}
