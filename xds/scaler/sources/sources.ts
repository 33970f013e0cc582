import type { KubeClient } from "../../../common/kubernetes/client.ts";
import { Listeners } from "../../../common/listeners.ts";
import type { Logger } from "../../../common/log.ts";
import { CLOCKS } from "../../signals/kubernetes/clock.ts";
import { Poller } from "../../signals/kubernetes/poller.ts";
import type { SourceStatus } from "../../signals/kubernetes/source-status.ts";
import type { PostureCluster } from "../cluster.ts";
import type { NodeCpu } from "../node-cpu.ts";
import { followAgents } from "./agents.ts";
import { NodeKubelets } from "./kubelet.ts";
import { readNodeMetrics } from "./metrics-api.ts";
import { type NodePrometheusOptions, readNodePrometheus } from "./prometheus.ts";

export interface NodeSourcesOptions {
  readonly client: KubeClient;
  readonly cluster: PostureCluster;
  readonly cpu: NodeCpu;
  /** `auto`: agents, and Prometheus if there is one, else the metrics API. */
  readonly choice: "auto" | "agent" | "kubelet" | "metrics-api" | "prometheus";
  /** Where nodes' agents listen that name no port by annotation. */
  readonly agentPort: number | undefined;
  readonly prometheus: NodePrometheusOptions | undefined;
  /** Between two looks, in ms. */
  readonly intervalMs: number;
  readonly log: Logger;
}

export interface NodeSources {
  /** How each source is, and what would mend it. */
  status(): readonly SourceStatus[];
  /** Tells whenever a source that is asked has answered. @returns what ends that */
  subscribe(listener: () => void): () => void;
  close(): Promise<void>;
}

/** Keeps the nodes' CPU figures new, until the end. */
export function startNodeSources(options: NodeSourcesOptions): NodeSources {
  const { client, cluster, cpu, choice, prometheus, log } = options;
  const listeners = new Listeners();
  const polled = (source: SourceStatus["source"], read: (signal: AbortSignal) => Promise<SourceStatus>) => {
    const poll = async (signal: AbortSignal) => {
      const status = await read(signal);
      listeners.tell();
      return status;
    };
    return new Poller({ source, log, poll, intervalMs: () => options.intervalMs });
  };
  const pollers: Poller[] = [];
  const agents =
    choice === "auto" || choice === "agent" ? followAgents(cluster.nodes, options.agentPort, cpu) : undefined;
  if (choice === "kubelet") {
    const kubelets = new NodeKubelets(client, cpu, CLOCKS);
    pollers.push(polled("kubelet", (signal) => kubelets.read(cluster.eligible(), signal)));
  }
  if (choice === "metrics-api" || (choice === "auto" && prometheus === undefined))
    pollers.push(polled("metrics-api", (signal) => readNodeMetrics(client, cluster.eligible(), cpu, CLOCKS, signal)));
  if (prometheus !== undefined && (choice === "auto" || choice === "prometheus"))
    pollers.push(
      polled("prometheus", (signal) => readNodePrometheus(prometheus, cluster.eligible(), cpu, CLOCKS, signal)),
    );
  return {
    status: () => [...agentStatus(agents), ...pollers.map((poller) => poller.status())],
    subscribe: (listener) => listeners.subscribe(listener),
    async close() {
      agents?.close();
      await Promise.all(pollers.map((poller) => poller.close()));
    },
  };
}

/** What is wrong with sources, for a person; empty: nothing. */
export function faultOf(statuses: readonly SourceStatus[]): string {
  const faulty = statuses.filter(({ state }) => state !== "ok" && state !== "idle");
  return faulty.map(({ source, state, detail }) => `${source} is ${state}: ${detail}`).join("; ");
}

function agentStatus(agents: ReturnType<typeof followAgents> | undefined): readonly SourceStatus[] {
  if (agents === undefined) return [];
  const { agents: count, telling } = agents.statistics();
  if (count === 0) return [{ source: "agent", state: "idle", detail: "no eligible node names an agent", next: "" }];
  return [
    { source: "agent", state: telling > 0 ? "ok" : "empty", detail: `${telling} of ${count} agents tell`, next: "" },
  ];
}
