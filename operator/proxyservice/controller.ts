import type { BackoffOptions } from "../../common/backoff.ts";
import { describeError } from "../../common/errors.ts";
import type { KubeClient } from "../../common/kubernetes/client.ts";
import { hasCode } from "../../common/kubernetes/failure.ts";
import type { Logger } from "../../common/log.ts";
import type { OperatorMetrics } from "../metrics.ts";
import { WorkQueue } from "../queue.ts";
import { Caches } from "./caches.ts";
import type { XdsAccess } from "./desired/bootstrap.ts";
import { Reconciler } from "./reconcile.ts";

export interface ControllerOptions {
  readonly client: KubeClient;
  /** Empty: all namespaces. */
  readonly namespace: string;
  readonly xds: XdsAccess | undefined;
  readonly clusterDomain: string;
  readonly drainMs: number;
  readonly workers: number;
  readonly resyncMs: number;
  readonly identity: string;
  readonly log: Logger;
  readonly metrics: OperatorMetrics;
}

/** A refused write is tried again soon at first, and each minute in the end. */
const BACKOFF: BackoffOptions = { baseMs: 200, maxMs: 60_000 };

export interface Controller {
  /** Why it is not working just now; undefined when all is well. */
  fault(): string | undefined;
  /** Settles when what was under way is done. */
  stop(): Promise<void>;
}

/** Watches ProxyServices and everything that belongs to them, and carries them out until it is stopped. */
export function startController(options: ControllerOptions): Controller {
  const { client, log, metrics } = options;
  const caches = new Caches({ ...options, onKey: (key) => queue.add(key) });
  let stopping = false;
  const reconciler = new Reconciler({
    ...options,
    client,
    caches,
    stopping: () => stopping,
    onAction: (action) => metrics.actions.inc({ action }),
  });
  const queue = new WorkQueue({
    reconcile: (key) => reconciler.reconcile(key),
    workers: options.workers,
    backoff: BACKOFF,
    onError: (key, error, retryMs) => {
      // Somebody else wrote first, as a rule we ourselves before our watch told of it: everyday life.
      const level = hasCode(error, "EK_KUBE_CONFLICT") ? "debug" : "warn";
      log[level]({ proxyService: key, error: describeError(error), retryMs: Math.round(retryMs) }, "trying again");
    },
    onDone: (durationMs, failed) => metrics.reconciles.observe({ failed: String(failed) }, durationMs / 1000),
  });
  const depth = setInterval(() => metrics.depth.set(queue.depth), 1000);
  const resync = setInterval(() => {
    for (const key of caches.keys()) queue.add(key);
  }, options.resyncMs);
  return {
    fault: () => caches.fault()?.describe() ?? (caches.synced() ? undefined : "the first lists are not in yet"),
    async stop() {
      stopping = true;
      clearInterval(resync);
      clearInterval(depth);
      await queue.stop();
      await caches.close();
    },
  };
}
