import { setTimeout as sleep } from "node:timers/promises";
import { describeError } from "../common/errors.ts";
import { createObject, getObject, replaceObject } from "../common/kubernetes/apply.ts";
import type { KubeClient } from "../common/kubernetes/client.ts";
import { hasCode } from "../common/kubernetes/failure.ts";
import type { KubeObject } from "../common/kubernetes/object.ts";
import { RESOURCES } from "../common/kubernetes/resource-type.ts";
import type { Logger } from "../common/log.ts";
import { type LeaseSpec, type LeaseView, observeLease, stepOf } from "./election.ts";

export interface LeaderOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  /** Unique among the replicas: the pod's name. */
  readonly identity: string;
  /** A leader that is not heard of for this long has lost the lease, in ms. */
  readonly durationMs: number;
  /** A leader that could not renew for this long steps down by itself, in ms; less than the duration. */
  readonly renewDeadlineMs: number;
  /** How often the lease is looked at and renewed, in ms. */
  readonly retryMs: number;
  readonly log: Logger;
  readonly fieldManager: string;
}

interface Lease extends KubeObject {
  readonly spec?: LeaseSpec;
}

/**
 * Leads whenever it can: calls `lead` with a signal that ends with the leadership, waits for its end, and tries again.
 * Settles when `signal` ends it; the lease is given up then, so that another takes it at once.
 * @param lead must end soon after its signal; a throw ends the leadership and everything
 */
export async function leadWhenElected(
  options: LeaderOptions,
  signal: AbortSignal,
  lead: (leading: AbortSignal) => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    if (!(await acquire(options, signal))) return;
    options.log.info({ identity: options.identity }, "leading");
    const lost = new AbortController();
    const leading = AbortSignal.any([signal, lost.signal]);
    const renewing = renew(options, leading, lost);
    try {
      await lead(leading);
    } finally {
      lost.abort();
      await renewing;
      // Only now: nobody else may act while `lead` still ends.
      await release(options);
    }
    options.log.info({ identity: options.identity }, "no longer leading");
  }
}

/** @returns false when the signal came first */
async function acquire(options: LeaderOptions, signal: AbortSignal): Promise<boolean> {
  let view: LeaseView | undefined;
  while (!signal.aborted) {
    try {
      const lease = await read(options);
      view = observeLease(view, lease?.spec, performance.now());
      const step = stepOf(view, options.identity, options.durationMs, performance.now());
      if (step === "take" && (await write(options, lease, "take"))) return true;
    } catch (error) {
      options.log.warn({ error: describeError(error) }, "the lease cannot be read or taken; trying again");
    }
    await pause(options.retryMs, signal);
  }
  return false;
}

/** Renews until the leadership ends; ends it when it could not renew in time or somebody else has the lease. */
async function renew(options: LeaderOptions, leading: AbortSignal, lost: AbortController): Promise<void> {
  let renewedAt = performance.now();
  // The deadline is kept even while a request hangs.
  const watchdog = setInterval(() => {
    if (performance.now() - renewedAt > options.renewDeadlineMs) lost.abort();
  }, options.retryMs);
  while (!leading.aborted) {
    await pause(options.retryMs, leading);
    if (leading.aborted) break;
    const began = performance.now();
    try {
      const lease = await read(options);
      if (lease?.spec?.holderIdentity !== options.identity) {
        options.log.warn({ holder: lease?.spec?.holderIdentity }, "somebody else has the lease");
        break;
      }
      // The time before the request: the API server may have taken it at any moment since.
      if (await write(options, lease, "renew")) renewedAt = began;
    } catch (error) {
      options.log.warn({ error: describeError(error) }, "the lease cannot be renewed; trying again");
    }
  }
  clearInterval(watchdog);
  lost.abort();
}

/** Best effort: a lease that cannot be given up runs out. */
async function release(options: LeaderOptions): Promise<void> {
  try {
    const lease = await read(options);
    if (lease?.spec?.holderIdentity === options.identity) await write(options, lease, "release");
  } catch (error) {
    options.log.warn({ error: describeError(error) }, "the lease cannot be given up; it runs out");
  }
}

function read({ client, namespace, name }: LeaderOptions): Promise<Lease | undefined> {
  return getObject<Lease>(client, { resource: RESOURCES.leases, namespace, name });
}

/** @returns false when somebody else wrote first */
async function write(options: LeaderOptions, lease: Lease | undefined, what: "take" | "renew" | "release") {
  const { client, namespace, name, identity, fieldManager } = options;
  // The API wants microseconds.
  const now = new Date().toISOString().replace("Z", "000Z");
  const before = lease?.spec ?? {};
  const spec: LeaseSpec = {
    holderIdentity: what === "release" ? "" : identity,
    // A lease that nobody holds may be taken at once.
    leaseDurationSeconds: what === "release" ? 1 : Math.ceil(options.durationMs / 1000),
    acquireTime: what === "take" ? now : (before.acquireTime ?? now),
    renewTime: now,
    leaseTransitions: (before.leaseTransitions ?? 0) + (what === "take" ? 1 : 0),
  };
  const metadata = { name, namespace, ...lease?.metadata };
  const object = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec };
  try {
    await (lease === undefined
      ? createObject(client, object, fieldManager)
      : replaceObject(client, object, fieldManager));
    return true;
  } catch (error) {
    if (hasCode(error, "EK_KUBE_CONFLICT")) return false;
    throw error;
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
