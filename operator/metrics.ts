import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** The operator's figures for `/metrics`. */
export interface OperatorMetrics {
  readonly registry: Registry;
  readonly reconciles: Histogram<"failed">;
  readonly actions: Counter<"action">;
  readonly depth: Gauge;
  readonly leader: Gauge;
}

export function operatorMetrics(): OperatorMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    reconciles: new Histogram({
      name: "evenkeel_operator_reconcile_seconds",
      help: "Time of one look at a ProxyService.",
      labelNames: ["failed"],
      buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
      registers,
    }),
    actions: new Counter({
      name: "evenkeel_operator_actions_total",
      help: "What was done to the cluster. With nothing changed this stands still.",
      labelNames: ["action"],
      registers,
    }),
    depth: new Gauge({
      name: "evenkeel_operator_queue_depth",
      help: "ProxyServices that wait to be looked at.",
      registers,
    }),
    leader: new Gauge({ name: "evenkeel_operator_leader", help: "1 on the replica that acts.", registers }),
  };
}
