import { describeError } from "../../../common/errors.ts";
import type { KubeClient } from "../../../common/kubernetes/client.ts";
import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import { type Clocks, toMonotonic } from "../../signals/kubernetes/clock.ts";
import { CounterRates } from "../../signals/kubernetes/counter-rates.ts";
import { cpuCores } from "../../signals/kubernetes/quantity.ts";
import type { SourceStatus } from "../../signals/kubernetes/source-status.ts";
import type { ClusterNode } from "../cluster.ts";
import type { NodeCpu } from "../node-cpu.ts";

/** For one kubelet's answer, in ms. */
const TIMEOUT_MS = 5000;
/** A mean over longer says too little of the last 30 s, in ms. Looks are 30 s apart at most (--refresh). */
const LONGEST_MS = 60_000;
const COUNTER = /^node_cpu_usage_seconds_total(?:\{\})?\s+(\S+)(?:\s+(\d+))?\s*$/m;

interface Reading {
  readonly cpuSeconds: number;
  readonly wallMs: number;
}

/** Reads the eligible nodes' kubelets through the API server, and turns their counters into use. Right: nodes/proxy. */
export class NodeKubelets {
  readonly #client: KubeClient;
  readonly #cpu: NodeCpu;
  readonly #clocks: Clocks;
  readonly #rates = new CounterRates();

  constructor(client: KubeClient, cpu: NodeCpu, clocks: Clocks) {
    this.#client = client;
    this.#cpu = cpu;
    this.#clocks = clocks;
  }

  /** @throws EvenkeelError EK_KUBE_… when no kubelet answers */
  async read(nodes: readonly ClusterNode[], signal: AbortSignal): Promise<SourceStatus> {
    this.#rates.retain(new Set(nodes.map(({ metadata }) => metadata.name)));
    const answers = await Promise.allSettled(nodes.map((node) => this.#readOne(node, signal)));
    const failures = answers.flatMap((answer) => (answer.status === "rejected" ? [answer.reason as unknown] : []));
    if (nodes.length > 0 && failures.length === nodes.length) throw failures[0];
    const rest = failures.length === 0 ? "" : `; ${describeError(failures[0])}`;
    const detail = `${nodes.length - failures.length} of ${nodes.length} eligible nodes${rest}`;
    return { source: "kubelet", state: nodes.length === 0 ? "empty" : "ok", detail, next: "" };
  }

  async #readOne({ metadata: { name }, status }: ClusterNode, signal: AbortSignal): Promise<void> {
    const target = { resource: RESOURCES.nodes, name, subresource: "proxy/metrics/resource" };
    const text = await this.#client.text({ verb: "get", target, signal, timeoutMs: TIMEOUT_MS });
    const reading = nodeCounter(text, this.#clocks.wallMs());
    const cores = cpuCores(status?.capacity?.cpu);
    if (reading === undefined || cores === undefined || cores === 0) return;
    const rate = this.#rates.read(name, reading.cpuSeconds, reading.wallMs);
    if (rate === undefined || rate.overMs > LONGEST_MS) return;
    const { perSecond, overMs } = rate;
    const atMs = toMonotonic(reading.wallMs, this.#clocks);
    this.#cpu.record(name, { source: "kubelet", utilisation: perSecond / cores, atMs, overMs });
  }
}

/** The CPU seconds that a node has used, out of its kubelet's `/metrics/resource`. @param readMs for one without a time */
export function nodeCounter(text: string, readMs: number): Reading | undefined {
  const match = COUNTER.exec(text);
  const cpuSeconds = Number(match?.[1]);
  if (match === null || !Number.isFinite(cpuSeconds) || cpuSeconds < 0) return undefined;
  return { cpuSeconds, wallMs: match[2] === undefined ? readMs : Number(match[2]) };
}
