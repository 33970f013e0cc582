import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import { ORIGINAL_ANNOTATION } from "../names.ts";
import type { Settled } from "../resource.ts";
import type { ServicePort } from "../service.ts";
import { gatewayPods, gatewayPorts, type Original } from "../takeover/original.ts";
import { type DesiredObject, objectOf } from "./meta.ts";

/** The target, made from what the Service was: the same pods and ports, with a cluster address of its own. */
export function targetService(settled: Settled, original: Original): DesiredObject {
  return {
    ...objectOf(RESOURCES.services, settled, settled.target, {
      annotations: { [ORIGINAL_ANNOTATION]: JSON.stringify(original) },
    }),
    spec: {
      selector: original.selector,
      ports: original.ports.map(({ nodePort: _, ...port }) => ({ protocol: "TCP", ...port })),
    },
  };
}

/** The Service in front, where there was none. @param ports what the gateway serves */
export function frontService(settled: Settled, ports: readonly ServicePort[]): DesiredObject {
  return {
    ...objectOf(RESOURCES.services, settled, settled.serviceName),
    spec: {
      selector: gatewayPods(settled),
      ports: gatewayPorts(ports, "ClusterIP").map((port) => ({ protocol: "TCP", ...port })),
    },
  };
}
