import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";

/** The controller's own figures for `/metrics`, beside the gauges of the nodes. */
export interface PostureMetrics {
  readonly registry: Registry;
  readonly changes: Counter;
  readonly leader: Gauge;
}

export function postureMetrics(): PostureMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    changes: new Counter({
      name: "evenkeel_posture_node_changes_total",
      help: "Changes of nodes' labels. With nothing changed this stands still.",
      registers,
    }),
    leader: new Gauge({ name: "evenkeel_posture_leader", help: "1 on the replica that acts.", registers }),
  };
}
