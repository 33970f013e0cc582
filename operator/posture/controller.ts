import type { BackoffOptions } from "../../common/backoff.ts";
import { describeError } from "../../common/errors.ts";
import { mergePatch } from "../../common/kubernetes/apply.ts";
import type { KubeClient } from "../../common/kubernetes/client.ts";
import { recordEvent } from "../../common/kubernetes/event.ts";
import { hasCode } from "../../common/kubernetes/failure.ts";
import { RESOURCES } from "../../common/kubernetes/resource-type.ts";
import type { Logger } from "../../common/log.ts";
import type { Capacity } from "../../xds/scaler/capacity.ts";
import type { ClusterNode, PostureCluster } from "../../xds/scaler/cluster.ts";
import type { NodeView } from "../../xds/scaler/nodes.ts";
import type { NodeSources } from "../../xds/scaler/sources/sources.ts";
import { WorkQueue } from "../queue.ts";
import { isEmpty, isIn, type NodeChange, planNode, planSlots } from "./plan.ts";

export interface PostureControllerOptions {
  readonly client: KubeClient;
  readonly cluster: PostureCluster;
  readonly capacity: Capacity;
  readonly sources: Pick<NodeSources, "subscribe">;
  /** Give free slots to eligible nodes that have none. */
  readonly assignSlots: boolean;
  /** How often every node is looked at although nothing was heard, in ms: agents' figures make no noise. */
  readonly refreshMs: number;
  /** This replica's name, for events. */
  readonly identity: string;
  readonly log: Logger;
  /** Told about every change of a node. */
  readonly onChange: () => void;
}

export interface PostureController {
  /** Settles when what was under way is done. */
  stop(): Promise<void>;
}

export const FIELD_MANAGER = "evenkeel-posture";
const BACKOFF: BackoffOptions = { baseMs: 200, maxMs: 30_000 };
/** One: two nodes at once could be given one slot. */
const WORKERS = 1;

/** Keeps the labels of eligible nodes as they are to be, and tells by events when one goes in or out, until it is stopped. */
export function startPostureController(options: PostureControllerOptions): PostureController {
  const { cluster, sources, log, refreshMs } = options;
  const keeper = new NodeKeeper(options);
  const queue = new WorkQueue({
    workers: WORKERS,
    backoff: BACKOFF,
    reconcile: async (name) => {
      await keeper.reconcile(name);
      return undefined;
    },
    onError: (node, error, retryMs) =>
      log.warn({ node, error: describeError(error), retryMs: Math.round(retryMs) }, "a node is not as it is to be yet"),
  });
  const addAll = () => {
    for (const name of cluster.nodes.objects.keys()) queue.add(name);
  };
  const ends = [
    cluster.nodes.subscribe({ onChange: ({ key }) => queue.add(key) }),
    cluster.pods.subscribe({ onChange: ({ object }) => object.spec?.nodeName && queue.add(object.spec.nodeName) }),
    // A node that has become busy must not wait for the timer too.
    sources.subscribe(addAll),
  ];
  const timer = setInterval(addAll, refreshMs);
  addAll();
  return {
    async stop() {
      clearInterval(timer);
      for (const end of ends) end();
      await queue.stop();
    },
  };
}

class NodeKeeper {
  readonly #options: PostureControllerOptions;
  /** Eligible nodes, and whether they were in when last looked at. */
  readonly #wasIn = new Map<string, boolean>();
  readonly #startedMs = performance.now();

  constructor(options: PostureControllerOptions) {
    this.#options = options;
  }

  /** @throws EvenkeelError EK_KUBE_…, EK_FIGURE_STALE */
  async reconcile(name: string): Promise<void> {
    const { cluster, capacity, assignSlots } = this.#options;
    const node = cluster.nodes.objects.get(name);
    const view = (await capacity.look()).nodes.find((each) => each.name === name);
    if (node === undefined || view === undefined) {
      this.#wasIn.delete(name);
      return;
    }
    const slots = assignSlots ? planSlots(cluster.nodes.objects.values()) : undefined;
    const change = planNode(node, view, slots?.get(name));
    if (!isEmpty(change)) await this.#change(node, change);
    await this.#tell(node, view);
  }

  async #change({ metadata }: ClusterNode, { labels, annotations }: NodeChange): Promise<void> {
    const { client, log, onChange } = this.#options;
    // A slot that was free when we looked must still be: the version guards it.
    const { resourceVersion } = metadata;
    const target = { resource: RESOURCES.nodes, name: metadata.name };
    try {
      await mergePatch(client, target, { metadata: { resourceVersion, labels, annotations } }, FIELD_MANAGER);
    } catch (error) {
      // Kubelets write their nodes often; the newer version comes with the watch and brings us back.
      if (!hasCode(error, "EK_KUBE_CONFLICT", "EK_KUBE_NOT_FOUND")) throw error;
      return;
    }
    log.info({ node: metadata.name, labels }, "a node's labels were changed");
    onChange();
  }

  /** Writes an event when an eligible node goes in or out. */
  async #tell(node: ClusterNode, view: NodeView): Promise<void> {
    const { name } = view;
    const was = this.#wasIn.get(name);
    const is = isIn(view);
    if (view.eligible) this.#wasIn.set(name, is);
    else this.#wasIn.delete(name);
    // At the start a node is as it was before; news is only what changes afterwards.
    if (was === is || (was === undefined && (!view.eligible || this.#isNew(view)))) return;
    await this.#record(node, view, is);
  }

  /** Not judged yet, or seen for the first time while everything is. */
  #isNew({ state }: NodeView): boolean {
    return state === "stale" || performance.now() - this.#startedMs < this.#options.refreshMs;
  }

  async #record(node: ClusterNode, { name, why }: NodeView, is: boolean): Promise<void> {
    const { client, identity, log } = this.#options;
    const event = {
      type: "Normal",
      reason: is ? "PostureNodeIn" : "PostureNodeOut",
      action: "Judge",
      note: is ? `Posture jobs may start on node ${name}` : `Posture jobs do not start on node ${name}: ${why}`,
    } as const;
    const about = { ...node, apiVersion: "v1", kind: "Node" };
    try {
      await recordEvent(client, about, event, { controller: "evenkeel.io/posture", instance: identity });
    } catch (error) {
      log.warn({ node: name, error: describeError(error) }, "an event could not be written");
    }
    log.info({ node: name, in: is, why }, is ? "a node is in" : "a node is out");
  }
}
