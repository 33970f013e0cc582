import { createHash } from "node:crypto";
import { apiVersionOf, RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import { APPLIED_ANNOTATION } from "../names.ts";
import { type ProxyService, settle } from "../resource.ts";
import type { ServicePort } from "../service.ts";
import type { Original } from "../takeover/original.ts";
import { bootstrapConfigMap, type XdsAccess } from "./bootstrap.ts";
import { deployment } from "./deployment.ts";
import { envoyFilter } from "./envoy-filter.ts";
import { identityObjects } from "./identity.ts";
import type { DesiredObject } from "./meta.ts";
import { routingObjects } from "./routing.ts";
import { autoscaler, disruptionBudget } from "./scaling.ts";
import { frontService, targetService } from "./services.ts";

export interface DesiredInput {
  readonly resource: ProxyService;
  /** What the gateway serves: the Service's own ports. */
  readonly ports: readonly ServicePort[];
  /** What the Service was; the target is made from it. Absent: the target is somebody's. */
  readonly makeTargetFrom?: Original | undefined;
  /** The Service in front is ours too. */
  readonly makeFront: boolean;
  /** Absent: there is no control plane to ask. */
  readonly xds?: XdsAccess | undefined;
  /** The control plane answers: endpoints and weights come from it. */
  readonly handOver: boolean;
  /** e.g. `cluster.local`. */
  readonly clusterDomain: string;
}

/**
 * Everything that a ProxyService stands for, in the order in which it has to be there: what a gateway is told comes before
 * the gateway itself.
 */
export function desiredObjects(input: DesiredInput): DesiredObject[] {
  const { resource, makeTargetFrom, handOver, clusterDomain } = input;
  const settled = settle(resource);
  const host = `${settled.target}.${settled.namespace}.svc.${clusterDomain}`;
  const ports = [settled.port, ...input.ports.map(({ port }) => port).filter((port) => port !== settled.port)];
  const xds = settled.weights === undefined ? undefined : input.xds;
  const objects = [
    ...(makeTargetFrom === undefined ? [] : [targetService(settled, makeTargetFrom)]),
    ...identityObjects(settled),
    ...(xds === undefined ? [] : [bootstrapConfigMap(settled, xds)]),
    ...routingObjects(settled, ports, host),
    ...(xds === undefined || settled.weights === undefined || !handOver
      ? []
      : [envoyFilter(settled, settled.weights, host)]),
    deployment(settled, ports, xds),
    ...autoscaler(settled),
    disruptionBudget(settled),
    ...(input.makeFront ? [frontService(settled, input.ports)] : []),
  ];
  return objects.map((object) => stamped(object, resource));
}

/** Adds the owner, for Kubernetes' garbage collection, and the hash by which an outdated object is known. */
function stamped(object: DesiredObject, { metadata }: ProxyService): DesiredObject {
  const owned: DesiredObject = {
    ...object,
    metadata: {
      ...object.metadata,
      ownerReferences: [
        {
          apiVersion: apiVersionOf(RESOURCES.proxyServices),
          kind: RESOURCES.proxyServices.kind,
          name: metadata.name,
          uid: metadata.uid ?? "",
          controller: true,
          // With it, `kubectl delete --cascade=foreground` would delete the gateway before the Service is given back.
          blockOwnerDeletion: false,
        },
      ],
    },
  };
  const hash = createHash("sha256").update(JSON.stringify(owned)).digest("hex").slice(0, 16);
  const annotations = { ...owned.metadata.annotations, [APPLIED_ANNOTATION]: hash };
  return { ...owned, metadata: { ...owned.metadata, annotations } };
}
