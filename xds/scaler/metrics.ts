import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Capacity } from "./capacity.ts";
import type { NodeView } from "./nodes.ts";

export interface ScalerMetrics {
  readonly registry: Registry;
  readonly calls: Counter<"method" | "code">;
  readonly seconds: Histogram<"method">;
}

const STATES: readonly NodeView["state"][] = ["closed", "taken", "stale", "busy", "free"];

/** Figures for `/metrics`. @param metricName of the gauge of free nodes, as KEDA's triggers name it */
export function scalerMetrics(metricName: string, capacity: Capacity): ScalerMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  addCapacityGauges(registry, metricName, capacity);
  const registers = [registry];
  return {
    registry,
    calls: new Counter({
      name: "evenkeel_scaler_calls_total",
      help: "KEDA's calls, by method and gRPC status code.",
      labelNames: ["method", "code"],
      registers,
    }),
    seconds: new Histogram({
      name: "evenkeel_scaler_call_seconds",
      help: "Time to answer one of KEDA's calls.",
      labelNames: ["method"],
      buckets: [0.0005, 0.001, 0.005, 0.02, 0.1, 0.5, 2],
      registers,
    }),
  };
}

/** The gauges of the nodes; each scrape looks anew, and a cluster that is not known has no figure. */
export function addCapacityGauges(registry: Registry, metricName: string, capacity: Capacity): void {
  const look = () => capacity.look().catch(() => undefined);
  new Gauge({
    name: metricName,
    help: "Eligible nodes that a job may start on: CPU over the last 30 s under the threshold, no job on them.",
    registers: [registry],
    async collect() {
      const view = await look();
      if (view === undefined) this.remove();
      else this.set(view.available);
    },
  });
  new Gauge({
    name: "evenkeel_posture_nodes",
    help: "Nodes by what they are for posture jobs.",
    labelNames: ["state"],
    registers: [registry],
    async collect() {
      this.reset();
      const view = await look();
      if (view === undefined) return;
      for (const state of STATES)
        this.set({ state }, view.nodes.filter((node) => node.eligible && node.state === state).length);
    },
  });
}
