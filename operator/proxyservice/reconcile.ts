import { isDeepStrictEqual } from "node:util";
import { describeError } from "../../common/errors.ts";
import { getObject, patchStatus } from "../../common/kubernetes/apply.ts";
import type { KubeClient } from "../../common/kubernetes/client.ts";
import { type KubeEvent, recordEvent } from "../../common/kubernetes/event.ts";
import { hasCode } from "../../common/kubernetes/failure.ts";
import { objectKey, splitKey } from "../../common/kubernetes/object.ts";
import { apiVersionOf, RESOURCES } from "../../common/kubernetes/resource-type.ts";
import type { Logger } from "../../common/log.ts";
import { act, findInTheWay } from "./act.ts";
import type { Caches } from "./caches.ts";
import { conditionOf, conditionsOf } from "./conditions.ts";
import { Drift } from "./drift.ts";
import { listEndpoints, readyEndpoints } from "./endpoints.ts";
import { FIELD_MANAGER } from "./names.ts";
import { type ProxyService, type ProxyServiceStatus, settle } from "./resource.ts";
import type { Action, Observed, Plan, PlanOptions } from "./takeover/observed.ts";
import { takenBy } from "./takeover/original.ts";
import { plan } from "./takeover/plan.ts";

export interface ReconcilerOptions extends Omit<PlanOptions, "isCurrent"> {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly log: Logger;
  /** The replica's name, for events. */
  readonly identity: string;
  /** Told about each thing done to the cluster. */
  readonly onAction: (what: Action["do"] | "status") => void;
  /** Somebody else may act by now: nothing more is begun. */
  readonly stopping: () => boolean;
}

/** Names that are taken, and caches that are not filled, are looked at again after this long, in ms. */
const BLOCKED_MS = 10_000;
const NOT_SYNCED_MS = 200;

/** Carries ProxyServices out, one key at a time. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #drift = new Drift();
  readonly #planOptions: PlanOptions;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#planOptions = { ...options, isCurrent: this.#drift.isCurrent };
  }

  /**
   * Looks at one ProxyService and does what is due next.
   * @returns when to look again, in ms
   * @throws EvenkeelError EK_KUBE_…; trying again is right
   */
  async reconcile(key: string): Promise<number | undefined> {
    const { caches } = this.#options;
    if (!caches.synced()) return NOT_SYNCED_MS;
    const seen = await this.#observe(key);
    if (seen === undefined) return undefined;
    let next = plan(seen, this.#planOptions);
    const inTheWay = await findInTheWay(this.#options.client, next.actions);
    if (inTheWay.length > 0) next = { ...plan({ ...seen, inTheWay }, this.#planOptions), againMs: BLOCKED_MS };
    await this.#carryOut(seen.resource, next);
    return next.againMs;
  }

  async #carryOut(resource: ProxyService | undefined, { actions, status, events }: Plan): Promise<void> {
    const { client, onAction, log, stopping } = this.#options;
    for (const action of actions) {
      if (stopping()) return;
      try {
        await act(client, resource, action, this.#drift);
        onAction(action.do);
        log.info({ action: action.do, object: nameOf(action), proxyService: resource?.metadata.name }, "done");
      } catch (error) {
        // The ProxyService went with its last finalizer, or an object before us.
        if (action.do === "finalizers" && hasCode(error, "EK_KUBE_NOT_FOUND")) return;
        if (resource !== undefined && status !== undefined) await this.#tellFailure(resource, status, error);
        throw error;
      }
    }
    // Removing the last finalizer removed what the status would be written to.
    const gone = actions.some((action) => action.do === "finalizers" && resource?.metadata.deletionTimestamp);
    if (resource === undefined || status === undefined || gone) return;
    await this.#writeStatus(resource, status);
    await this.#tell(resource, events);
  }

  /** What the API server does not take has a reason that the ProxyService's owner can mend. Others pass. */
  async #tellFailure(resource: ProxyService, status: ProxyServiceStatus, error: unknown): Promise<void> {
    if (!hasCode(error, "EK_KUBE_REFUSED", "EK_KUBE_FORBIDDEN", "EK_KUBE_API_MISSING")) return;
    const before = conditionOf(resource.status?.conditions, "Ready");
    const message = error.describe();
    if (before?.reason === "WriteFailed" && before.message === message) return;
    const ready = { type: "Ready", status: "False", reason: "WriteFailed", message } as const;
    const [condition] = conditionsOf(
      [ready],
      resource.status?.conditions ?? [],
      resource.metadata.generation ?? 0,
      Date.now(),
    );
    const others = (status.conditions ?? []).filter(({ type }) => type !== "Ready");
    try {
      await this.#writeStatus(resource, { ...status, conditions: [...(condition ? [condition] : []), ...others] });
    } catch (second) {
      this.#options.log.warn({ error: describeError(second) }, "the status cannot be written");
    }
    await this.#tell(resource, [{ type: "Warning", reason: "WriteFailed", action: "Reconcile", note: message }]);
  }

  async #writeStatus(resource: ProxyService, status: ProxyServiceStatus): Promise<void> {
    if (isDeepStrictEqual(resource.status, status)) return;
    const { namespace, name } = resource.metadata;
    const target = { resource: RESOURCES.proxyServices, namespace, name };
    await patchStatus(this.#options.client, target, status, FIELD_MANAGER);
    this.#options.onAction("status");
  }

  /** Events are a courtesy: a failure is logged and stops nothing. */
  async #tell(resource: ProxyService, events: readonly KubeEvent[]): Promise<void> {
    const { client, identity, log } = this.#options;
    const { kind } = RESOURCES.proxyServices;
    const about = { ...resource, apiVersion: apiVersionOf(RESOURCES.proxyServices), kind };
    for (const event of events) {
      log.info({ proxyService: objectKey(resource.metadata), reason: event.reason }, event.note);
      try {
        await recordEvent(client, about, event, { controller: "evenkeel.io/operator", instance: identity });
      } catch (error) {
        log.warn({ error: describeError(error) }, "an event cannot be recorded");
      }
    }
  }

  /** @returns undefined when there is nothing to look at */
  async #observe(key: string): Promise<Observed | undefined> {
    const { caches, client } = this.#options;
    const { namespace = "default", name } = splitKey(key);
    const resource = caches.proxyServices.objects.get(key);
    const settled = resource && settle(resource);
    const serviceOf = (service: string) => caches.services.objects.get(objectKey({ namespace, name: service }));
    const front = settled === undefined ? this.#leftBehind(namespace, name) : serviceOf(settled.serviceName);
    if (settled === undefined && (front === undefined || (await this.#exists(namespace, name)))) return undefined;
    const names = settled === undefined ? [] : [settled.serviceName, settled.target];
    const slices = names.length === 0 ? new Map() : await listEndpoints(client, namespace, names);
    const ready = (service: string | undefined) => readyEndpoints(slices.get(service ?? "") ?? [], name);
    return {
      nowMs: Date.now(),
      resource,
      name,
      namespace,
      front,
      target: settled && serviceOf(settled.target),
      frontEndpoints: ready(settled?.serviceName),
      targetEndpoints: ready(settled?.target),
      rival: resource && this.#rivalOf(resource),
      inTheWay: [],
      missing: caches.missing(),
      ours: caches.ownedBy(namespace, name),
      controlPlane: caches.controlPlaneAnswers(),
    };
  }

  /** A Service that a ProxyService took over which is gone. */
  #leftBehind(namespace: string, name: string) {
    return [...this.#options.caches.services.objects.values()].find(
      (service) => service.metadata.namespace === namespace && takenBy(service) === name,
    );
  }

  /** In the cluster itself: what the cache does not hold yet may just have been made. */
  async #exists(namespace: string, name: string): Promise<boolean> {
    const target = { resource: RESOURCES.proxyServices, namespace, name };
    return (await getObject(this.#options.client, target)) !== undefined;
  }

  /** Of several ProxyServices for one Service the oldest has it. */
  #rivalOf({ metadata, spec }: ProxyService): string | undefined {
    const age = (each: ProxyService) => `${each.metadata.creationTimestamp} ${each.metadata.name}`;
    const own = age({ metadata, spec });
    return [...this.#options.caches.proxyServices.objects.values()]
      .filter((other) => other.metadata.namespace === metadata.namespace && other.metadata.name !== metadata.name)
      .find((other) => other.spec.serviceName === spec.serviceName && age(other) < own)?.metadata.name;
  }
}

function nameOf(action: Action): string {
  return "object" in action ? `${action.object.kind} ${action.object.metadata.name}` : action.do;
}
