import type { Desired } from "../../../common/kubernetes/apply.ts";
import type { KubeEvent } from "../../../common/kubernetes/event.ts";
import type { XdsAccess } from "../desired/bootstrap.ts";
import type { DesiredObject } from "../desired/meta.ts";
import type { ProxyService, ProxyServiceStatus } from "../resource.ts";
import type { DesiredService, Service } from "../service.ts";

/** An object of the operator's as the cluster has it. */
export type LiveObject = DesiredObject;

/** How many ready endpoints a Service has. */
export interface ReadyEndpoints {
  /** That are pods of the gateway. */
  readonly gateway: number;
  readonly others: number;
}

/** What the cluster holds that concerns one ProxyService. The state machine sees nothing else. */
export interface Observed {
  /** Since 1970, in ms. */
  readonly nowMs: number;
  /** Undefined: it is gone, and only a Service that it took over is left. */
  readonly resource: ProxyService | undefined;
  readonly name: string;
  readonly namespace: string;
  /** The Service in front; of a resource that is gone, the one that it took over. */
  readonly front: Service | undefined;
  readonly target: Service | undefined;
  readonly frontEndpoints: ReadyEndpoints;
  readonly targetEndpoints: ReadyEndpoints;
  /** Another ProxyService that names the same Service and came first. */
  readonly rival: string | undefined;
  /** Objects of somebody else under names that are needed, e.g. `Deployment ps-s0`. */
  readonly inTheWay: readonly string[];
  /** What to install, when an API is missing. */
  readonly missing: string | undefined;
  /** All objects with the owner's label. */
  readonly ours: readonly LiveObject[];
  /** Does a control plane answer? */
  readonly controlPlane: boolean;
}

export interface PlanOptions {
  readonly xds: XdsAccess | undefined;
  readonly clusterDomain: string;
  /** How long the gateway goes on after the Service is given back, in ms. */
  readonly drainMs: number;
  /** Is the live object as it was asked for? */
  readonly isCurrent: (desired: DesiredObject, live: LiveObject) => boolean;
}

export type Action =
  /** Adds or removes the finalizer. */
  | { readonly do: "finalizers"; readonly finalizers: readonly string[] }
  /** Server-side apply of an object of ours; `live` is what is there already. */
  | { readonly do: "apply"; readonly object: DesiredObject; readonly live: LiveObject | undefined }
  /** Writes a Service that is not ours, if it is still as it was read. */
  | { readonly do: "replace"; readonly object: DesiredService }
  | { readonly do: "create"; readonly object: Desired }
  /** `wait`: gone only when what it made (pods) is gone too. */
  | { readonly do: "delete"; readonly object: LiveObject; readonly wait: boolean }
  /** Notes that a Service of ours is wanted no more; null: it is wanted again. */
  | { readonly do: "unused"; readonly object: LiveObject; readonly since: string | null };

/** What to do next. Each action is safe to be the last one before a crash. */
export interface Plan {
  readonly actions: readonly Action[];
  /** Written after the actions; undefined where there is no resource any more. */
  readonly status: ProxyServiceStatus | undefined;
  readonly events: readonly KubeEvent[];
  /** Look again after this long even when nothing is heard, in ms. */
  readonly againMs: number | undefined;
}
