import { conditionOf, conditionsOf, type Finding } from "../conditions.ts";
import type { ProxyService, ProxyServiceStatus, Settled } from "../resource.ts";
import { isOurs, type Refusal } from "./check.ts";
import { gatewayState } from "./gateway-state.ts";
import type { Observed } from "./observed.ts";
import { takenBy } from "./original.ts";

/** What the plan found out beside what it saw. */
export interface Found {
  readonly refusal: Refusal | undefined;
  readonly handOver: boolean;
  /** The operator knows a control plane. */
  readonly weighable: boolean;
}

/** What is true now, by what was seen before this plan's actions. */
export function statusOf(
  observed: Observed,
  resource: ProxyService,
  settled: Settled,
  found: Found,
): ProxyServiceStatus {
  const generation = resource.metadata.generation ?? 0;
  const gateway = gatewayState(observed, settled);
  const findings = [
    istioFound(found.refusal),
    conflict(found.refusal),
    targetFound(observed, settled, found.refusal),
    finding("GatewayReady", gateway.ready, gateway.ready ? "Available" : "NotAvailable", gateway.message),
    takenOver(observed, resource, settled),
    weightsLive(observed, settled, found),
  ];
  const deleting = resource.metadata.deletionTimestamp !== undefined;
  return {
    observedGeneration: generation,
    target: settled.target,
    replicas: gateway.replicas,
    readyReplicas: gateway.readyReplicas,
    conditions: conditionsOf(
      [readiness(findings, deleting), ...findings],
      resource.status?.conditions ?? [],
      generation,
      observed.nowMs,
    ),
  };
}

function istioFound(refusal: Refusal | undefined): Finding {
  return refusal?.condition === "IstioFound"
    ? finding("IstioFound", false, refusal.reason, refusal.message)
    : finding("IstioFound", true, "Found", "Istio's APIs are there");
}

function conflict(refusal: Refusal | undefined): Finding {
  return refusal?.condition === "Conflict"
    ? finding("Conflict", true, refusal.reason, refusal.message)
    : finding("Conflict", false, "None", "nobody else claims the Service or the names");
}

function targetFound({ target }: Observed, settled: Settled, refusal: Refusal | undefined): Finding {
  if (refusal?.condition === "TargetFound") return finding("TargetFound", false, refusal.reason, refusal.message);
  if (target === undefined)
    return finding("TargetFound", false, "NotYetMade", `Service ${settled.target} is not there`);
  return isOurs(target, settled)
    ? finding("TargetFound", true, "Made", `Service ${settled.target} is made from ${settled.serviceName}`)
    : finding("TargetFound", true, "Named", `Service ${settled.target} is used as it is`);
}

function takenOver({ front }: Observed, resource: ProxyService, settled: Settled): Finding {
  const { name, serviceName } = settled;
  if (takenBy(front) === name || isOurs(front, settled))
    return finding("TakenOver", true, "LeadsToGateway", `Service ${serviceName} leads to the gateway`);
  const before = conditionOf(resource.status?.conditions, "TakenOver");
  return before?.status === "True" || before?.reason === "GivenBack"
    ? finding("TakenOver", false, "GivenBack", `Service ${serviceName} leads to its own pods again`)
    : finding("TakenOver", false, "NotYet", `Service ${serviceName} does not lead to the gateway yet`);
}

function weightsLive({ controlPlane }: Observed, settled: Settled, { handOver, weighable }: Found): Finding {
  const no = (reason: string, message: string) => finding("WeightsLive", false, reason, message);
  if (settled.loadBalancer !== "LEAST_REQUEST") return no("Policy", `${settled.loadBalancer} takes no weights`);
  if (settled.weights === undefined) return no("Disabled", "spec.weights.enabled is false");
  if (!weighable) return no("NoControlPlane", "the operator was started without --xds-address");
  if (!handOver) return no("NoControlPlane", "the control plane does not answer; istiod gives the endpoints");
  if (controlPlane)
    return finding("WeightsLive", true, "HandedOver", "endpoints and weights come from the control plane");
  const message = "the control plane does not answer; gateways keep what they have";
  return { type: "WeightsLive", status: "Unknown", reason: "ControlPlaneAway", message };
}

/** Ready when the first of these that fails does not fail. */
function readiness(findings: readonly Finding[], deleting: boolean): Finding {
  if (deleting) return finding("Ready", false, "Deleting", "the Service is given back");
  const wanted = {
    IstioFound: "True",
    Conflict: "False",
    TargetFound: "True",
    GatewayReady: "True",
    TakenOver: "True",
  };
  const fault = Object.entries(wanted)
    .map(([type, status]) => ({ found: findings.find((each) => each.type === type), status }))
    .find(({ found, status }) => found?.status !== status)?.found;
  return fault === undefined
    ? finding("Ready", true, "Serving", "the gateway serves the Service")
    : finding("Ready", false, fault.reason, fault.message);
}

function finding(type: Finding["type"], holds: boolean, reason: string, message: string): Finding {
  return { type, status: holds ? "True" : "False", reason, message };
}
