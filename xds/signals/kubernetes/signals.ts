import type { KubeClient } from "../../../common/kubernetes/client.ts";
import type { Logger } from "../../../common/log.ts";
import type { FleetSource } from "../../fleet/fleet.ts";
import type { KubernetesWatches } from "../../fleet/kubernetes/watches.ts";
import { type PrometheusOptions, readPrometheus } from "../prometheus.ts";
import type { SignalSink } from "../signal.ts";
import { CLOCKS, type Clocks } from "./clock.ts";
import { type KubeletAccess, KubeletReader } from "./kubelet.ts";
import { readMetricsApi } from "./metrics-api.ts";
import { Poller } from "./poller.ts";
import { PodRecorder, type RecorderOptions } from "./recorder.ts";
import type { SourceStatus } from "./source-status.ts";

/** Which sources are asked besides the agents. `auto`: those that work; the freshest figure wins. */
export type SignalChoice = "auto" | "agent" | "kubelet" | "metrics-api" | "prometheus";

export interface KubernetesSignalsOptions {
  readonly choice: SignalChoice;
  readonly client: KubeClient;
  readonly fleet: FleetSource;
  readonly sink: SignalSink;
  readonly watches: Pick<KubernetesWatches, "pods" | "nodes">;
  readonly kubeletAccess: KubeletAccess;
  /** Absent: Prometheus is not asked. */
  readonly prometheus?: PrometheusOptions | undefined;
  readonly log: Logger;
  readonly clocks?: Clocks;
  /** Replaces the intervals between polls, in ms. */
  readonly intervalMs?: number;
}

/** The CPU figures that a cluster has by itself, written into the sink until the end. */
export interface KubernetesSignals {
  /** How each source is, and what would mend it. */
  sources(): readonly SourceStatus[];
  close(): Promise<void>;
}

/** A kubelet counts each pod anew every 10 s or so: asked this often, a figure is at most this much older. In ms. */
const KUBELET_MS = 5000;
/** Between two kubelets on average, in ms: a large cluster is asked less often, not harder. */
const KUBELET_EACH_MS = 20;
/** metrics-server reads the kubelets each 15 s. */
const METRICS_API_MS = 7500;
const PROMETHEUS_MS = 5000;

export function startKubernetesSignals(options: KubernetesSignalsOptions): KubernetesSignals {
  const { choice, client, fleet, prometheus, log } = options;
  const clocks = options.clocks ?? CLOCKS;
  const common: RecorderOptions = { fleet, sink: options.sink, ...options.watches, clocks };
  const pollers: Poller[] = [];
  const every = (ms: () => number) => () => options.intervalMs ?? ms();

  let kubeletsSuffice = () => false;
  if (choice === "auto" || choice === "kubelet") {
    const { nodes } = options.watches;
    const recorder = new PodRecorder("kubelet", common);
    const reader = new KubeletReader(client, recorder, { nodes, access: options.kubeletAccess, clocks });
    const kubelet = new Poller({
      source: "kubelet",
      log,
      intervalMs: every(() => Math.max(KUBELET_MS, reader.nodes * KUBELET_EACH_MS)),
      poll: (signal) => reader.read(signal),
    });
    kubeletsSuffice = () => kubelet.status().state === "ok" && reader.complete;
    pollers.push(kubelet);
  }
  if (choice === "auto" || choice === "metrics-api") {
    const recorder = new PodRecorder("metrics-api", common);
    pollers.push(
      new Poller({
        source: "metrics-api",
        log,
        intervalMs: every(() => METRICS_API_MS),
        poll: (signal) => readMetricsApi(client, recorder, signal),
        // It hands on what the kubelets said a while ago.
        idle: () => (kubeletsSuffice() ? "the kubelets work, and are fresher" : undefined),
      }),
    );
  }
  if (prometheus !== undefined && (choice === "auto" || choice === "prometheus")) {
    const recorder = new PodRecorder("prometheus", common);
    pollers.push(
      new Poller({
        source: "prometheus",
        log,
        intervalMs: every(() => PROMETHEUS_MS),
        poll: (signal) => readPrometheus(prometheus, () => fleet.current(), recorder, signal),
      }),
    );
  }
  return {
    sources: () => pollers.map((poller) => poller.status()),
    async close() {
      await Promise.all(pollers.map((poller) => poller.close()));
    },
  };
}
