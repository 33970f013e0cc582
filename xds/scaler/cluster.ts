import type { EvenkeelError } from "../../common/errors.ts";
import type { KubeClient } from "../../common/kubernetes/client.ts";
import type { KubeObject } from "../../common/kubernetes/object.ts";
import { RESOURCES } from "../../common/kubernetes/resource-type.ts";
import { type Watched, watchAll } from "../../common/kubernetes/watch.ts";
import type { Logger } from "../../common/log.ts";
import { ANALYZER_SELECTOR, ELIGIBLE_LABEL, SCALED_JOB_LABEL } from "./names.ts";
import type { NodeFacts } from "./nodes.ts";

/** As much of a Node as is needed. */
export interface ClusterNode extends KubeObject {
  readonly spec?: {
    readonly unschedulable?: boolean;
    readonly taints?: readonly { readonly key: string; readonly effect: string }[];
  };
  readonly status?: {
    readonly capacity?: { readonly cpu?: string };
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

export interface AnalyzerPod extends KubeObject {
  readonly spec?: { readonly nodeName?: string };
  readonly status?: { readonly phase?: string };
}

/** The pods of analysers, as a release sees them. */
export interface Jobs {
  /** Pods that have not ended, by the node that they are on. */
  readonly byNode: ReadonlyMap<string, readonly string[]>;
  /** Pods that have no node yet. */
  readonly unplaced: number;
  /** ScaledJobs that have a pod which has not ended. */
  readonly running: ReadonlySet<string>;
}

/** The nodes and the analysers' pods of a cluster, followed until the end. */
export class PostureCluster {
  readonly nodes: Watched<ClusterNode>;
  readonly pods: Watched<AnalyzerPod>;
  readonly #nowMs: () => number;
  #faultySinceMs: number | undefined;

  constructor(client: KubeClient, namespace: string, log: Logger, nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
    this.nodes = watchAll(client, { resource: RESOURCES.nodes }, { log, keep: keepNode });
    const pods = { resource: RESOURCES.pods, namespace };
    this.pods = watchAll(client, pods, { log, keep: keepPod, labelSelector: ANALYZER_SELECTOR });
    for (const watched of [this.nodes, this.pods]) watched.subscribe({ onState: () => this.#note() });
  }

  /** Why the cluster cannot be trusted: it was never read, or was not followed for longer than `maxAgeMs`. */
  fault(maxAgeMs: number): string | undefined {
    const fault = this.#fault();
    if (!this.nodes.synced() || !this.pods.synced())
      return `the cluster is not read yet${fault === undefined ? "" : `: ${fault.describe()}`}`;
    const sinceMs = this.#nowMs() - (this.#faultySinceMs ?? this.#nowMs());
    if (fault === undefined || sinceMs <= maxAgeMs) return undefined;
    return `the cluster was not heard of for ${Math.round(sinceMs / 1000)} s: ${fault.describe()}`;
  }

  facts(): readonly NodeFacts[] {
    return [...this.nodes.objects.values()].map(factsOf);
  }

  eligible(): readonly ClusterNode[] {
    return [...this.nodes.objects.values()].filter((node) => node.metadata.labels?.[ELIGIBLE_LABEL] === "true");
  }

  jobs(): Jobs {
    return jobsOf(this.pods.objects.values());
  }

  async close(): Promise<void> {
    await Promise.all([this.nodes.close(), this.pods.close()]);
  }

  #fault(): EvenkeelError | undefined {
    return this.nodes.fault() ?? this.pods.fault();
  }

  #note(): void {
    if (this.#fault() === undefined) this.#faultySinceMs = undefined;
    else this.#faultySinceMs ??= this.#nowMs();
  }
}

export function factsOf({ metadata, spec, status }: ClusterNode): NodeFacts {
  const taint = spec?.taints?.find(({ effect }) => effect === "NoSchedule" || effect === "NoExecute")?.key;
  return {
    name: metadata.name,
    labels: metadata.labels ?? {},
    ready: status?.conditions?.find(({ type }) => type === "Ready")?.status === "True",
    // A cordon is a taint too, and says it better.
    cordoned: spec?.unschedulable === true,
    ...(taint === undefined ? {} : { taint }),
  };
}

export function jobsOf(pods: Iterable<AnalyzerPod>): Jobs {
  const byNode = new Map<string, string[]>();
  const running = new Set<string>();
  let unplaced = 0;
  for (const { metadata, spec, status } of pods) {
    if (status?.phase === "Succeeded" || status?.phase === "Failed") continue;
    const job = metadata.labels?.[SCALED_JOB_LABEL];
    if (job !== undefined) running.add(`${metadata.namespace}/${job}`);
    const node = spec?.nodeName;
    if (node === undefined) unplaced += 1;
    else byNode.set(node, [...(byNode.get(node) ?? []), metadata.name]);
  }
  return { byNode, unplaced, running };
}

function keepNode({ metadata, spec, status }: ClusterNode): ClusterNode {
  return {
    metadata,
    spec: { unschedulable: spec?.unschedulable ?? false, taints: spec?.taints ?? [] },
    status: {
      ...(status?.capacity?.cpu && { capacity: { cpu: status.capacity.cpu } }),
      addresses: status?.addresses ?? [],
      conditions: (status?.conditions ?? []).filter(({ type }) => type === "Ready"),
    },
  };
}

function keepPod({ metadata, spec, status }: AnalyzerPod): AnalyzerPod {
  return {
    metadata,
    spec: spec?.nodeName ? { nodeName: spec.nodeName } : {},
    status: status?.phase ? { phase: status.phase } : {},
  };
}
