import { connectKubernetes, type KubeClient } from "../../common/kubernetes/client.ts";
import type { Logger } from "../../common/log.ts";
import { type Capacity, ownCapacity } from "./capacity.ts";
import { PostureCluster } from "./cluster.ts";
import { NodeCpu } from "./node-cpu.ts";
import type { NodeRules } from "./nodes.ts";
import { type NodeSettings, requirePrometheusUrl } from "./settings.ts";
import { faultOf, type NodeSources, startNodeSources } from "./sources/sources.ts";

/** A cluster that is followed, its nodes' CPU, and what comes of both. */
export interface NodeFigures {
  readonly client: KubeClient;
  readonly cluster: PostureCluster;
  readonly capacity: Capacity;
  readonly sources: NodeSources;
  close(): Promise<void>;
}

export function rulesOf({ threshold, maxAge }: Pick<NodeSettings, "threshold" | "maxAge">): NodeRules {
  return { threshold, maxAgeMs: maxAge };
}

/** Starts to follow. @throws EvenkeelError EK_KUBE_CONFIG, EK_SETTING_INVALID */
export function openNodeFigures(settings: NodeSettings, log: Logger, env = process.env): NodeFigures {
  requirePrometheusUrl(settings);
  const client = connectKubernetes(settings);
  const cluster = new PostureCluster(client, settings.namespace, log);
  const cpu = new NodeCpu();
  const prometheus =
    settings.prometheusUrl === ""
      ? undefined
      : {
          url: settings.prometheusUrl,
          query: settings.prometheusQuery,
          timeQuery: settings.prometheusTimeQuery,
          ...(env.PROM_TOKEN && { bearerToken: env.PROM_TOKEN }),
        };
  const sources = startNodeSources({
    client,
    cluster,
    cpu,
    prometheus,
    choice: settings.cpuSource,
    agentPort: settings.agentPort,
    intervalMs: settings.refresh,
    log,
  });
  return {
    client,
    cluster,
    sources,
    capacity: ownCapacity(cluster, cpu, rulesOf(settings), () => faultOf(sources.status())),
    async close() {
      await Promise.all([sources.close(), cluster.close()]);
      client.close();
    },
  };
}
