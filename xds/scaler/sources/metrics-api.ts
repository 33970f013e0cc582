import type { KubeClient } from "../../../common/kubernetes/client.ts";
import type { KubeObject } from "../../../common/kubernetes/object.ts";
import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import { type Clocks, toMonotonic } from "../../signals/kubernetes/clock.ts";
import { goDurationMs } from "../../signals/kubernetes/go-duration.ts";
import { cpuCores } from "../../signals/kubernetes/quantity.ts";
import type { SourceStatus } from "../../signals/kubernetes/source-status.ts";
import type { ClusterNode } from "../cluster.ts";
import type { NodeCpu } from "../node-cpu.ts";

interface NodeMetrics extends KubeObject {
  /** The end of the window. */
  readonly timestamp?: string;
  /** A Go duration, e.g. `15.036s`. */
  readonly window?: string;
  readonly usage?: { readonly cpu?: string };
}

/** Reads the metrics API (metrics-server) once: what each eligible node used over some 15 s. @throws EvenkeelError EK_KUBE_… */
export async function readNodeMetrics(
  client: KubeClient,
  nodes: readonly ClusterNode[],
  cpu: NodeCpu,
  clocks: Clocks,
  signal: AbortSignal,
): Promise<SourceStatus> {
  const target = { resource: RESOURCES.nodeMetrics };
  const list = await client.json<{ readonly items?: readonly NodeMetrics[] }>({ verb: "list", target, signal });
  const byName = new Map(nodes.map((node) => [node.metadata.name, node]));
  let known = 0;
  for (const { metadata, timestamp, window, usage } of list.items ?? []) {
    const cores = cpuCores(byName.get(metadata.name)?.status?.capacity?.cpu);
    const used = cpuCores(usage?.cpu);
    if (cores === undefined || cores === 0 || used === undefined) continue;
    known += 1;
    const atMs = toMonotonic(Date.parse(timestamp ?? ""), clocks);
    cpu.record(metadata.name, { source: "metrics-api", utilisation: used / cores, atMs, overMs: goDurationMs(window) });
  }
  const state = known > 0 ? "ok" : "empty";
  return { source: "metrics-api", state, detail: `${known} of ${nodes.length} eligible nodes`, next: "" };
}
