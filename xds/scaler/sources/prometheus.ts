import { type Clocks, toMonotonic } from "../../signals/kubernetes/clock.ts";
import type { SourceStatus } from "../../signals/kubernetes/source-status.ts";
import { type PrometheusSeries, queryPrometheus } from "../../signals/prometheus.ts";
import type { ClusterNode } from "../cluster.ts";
import { type NodeCpu, WINDOW_MS } from "../node-cpu.ts";

/** Used share of a node's CPU over the last 30 s, as the node exporter counts it. */
export const NODE_QUERY = '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[30s]))';
/** When each of those was last measured, in seconds since the epoch: an answer's own time is that of the question. */
export const NODE_TIME_QUERY = 'max by (instance) (timestamp(node_cpu_seconds_total{mode="idle"}))';

export interface NodePrometheusOptions {
  readonly url: string;
  readonly query: string;
  /** Empty: its figures count as measured when they are asked for. */
  readonly timeQuery: string;
  readonly bearerToken?: string;
}

/** Asks Prometheus once. @throws EvenkeelError EK_PROMETHEUS_FAILED */
export async function readNodePrometheus(
  options: NodePrometheusOptions,
  nodes: readonly ClusterNode[],
  cpu: NodeCpu,
  clocks: Clocks,
  signal: AbortSignal,
): Promise<SourceStatus> {
  const { timeQuery } = options;
  const [use, times] = await Promise.all([
    queryPrometheus(options, signal),
    timeQuery === "" ? [] : queryPrometheus({ ...options, query: timeQuery }, signal),
  ]);
  const measuredMs = new Map(times.map(({ metric, value }) => [instanceOf(metric), Number(value[1]) * 1000]));
  const names = nodesByName(nodes);
  let known = 0;
  for (const { metric, value } of use) {
    const instance = instanceOf(metric);
    const node = names.get(instance) ?? names.get(instance.replace(/:\d+$/, ""));
    const wallMs = timeQuery === "" ? value[0] * 1000 : measuredMs.get(instance);
    if (node === undefined || wallMs === undefined) continue;
    known += 1;
    const utilisation = Math.max(0, Number(value[1]));
    cpu.record(node, { source: "prometheus", utilisation, atMs: toMonotonic(wallMs, clocks), overMs: WINDOW_MS });
  }
  const detail = `${known} of ${nodes.length} eligible nodes, out of ${use.length} series`;
  const next = known > 0 || nodes.length === 0 ? "" : whyNone(use.length, times.length);
  return { source: "prometheus", state: known > 0 ? "ok" : "empty", detail, next };
}

/** What to do when no series is a node's. @param use of the query @param times of the query for their times */
function whyNone(use: number, times: number): string {
  if (use > 0) return "its label instance, node or nodename must be a node's name or address";
  // A rate needs two samples in its window.
  if (times > 0)
    return "scrape the node exporters every 15s at least: the query looks at 30 s, and needs two scrapes in them";
  return "let it scrape the node exporters, or give the query for what it has (--prometheus-query)";
}

/** What a series says it is about. */
function instanceOf(metric: PrometheusSeries["metric"]): string {
  return metric.node ?? metric.nodename ?? metric.instance ?? "";
}

/** Nodes by every name that they are known by. */
function nodesByName(nodes: readonly ClusterNode[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const { metadata, status } of nodes)
    for (const name of [metadata.name, ...(status?.addresses ?? []).map(({ address }) => address)])
      names.set(name.includes(":") ? `[${name}]` : name, metadata.name);
  return names;
}
