import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Gate } from "../server/gate.ts";

/** How a request to /load ended: `ok`, `gone` (the client left), `stopped` (the drain ran out of time), `error`. */
export type BurnOutcome = "ok" | "gone" | "stopped" | "error";
/** Why a request to /load was not accepted. */
export type BurnRefusal = "queue-full" | "draining";

const OUTCOMES: readonly BurnOutcome[] = ["ok", "gone", "stopped", "error"];
const REFUSALS: readonly BurnRefusal[] = ["queue-full", "draining"];

/** What the app tells Prometheus. */
export interface CpuLoadMetrics {
  readonly registry: Registry;
  ended(outcome: BurnOutcome): void;
  refused(reason: BurnRefusal): void;
  /** @param seconds from a request's arrival to its answer */
  answered(seconds: number): void;
}

/** Makes a registry of its own, so that two apps may live in one process. */
export function createMetrics(gate: Gate): CpuLoadMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const burns = new Counter({
    name: "cpu_load_burns_total",
    help: "Accepted requests to /load by how they ended.",
    labelNames: ["outcome"],
    registers,
  });
  const rejected = new Counter({
    name: "cpu_load_rejected_total",
    help: "Requests to /load that were refused, by reason.",
    labelNames: ["reason"],
    registers,
  });
  // A series that appears with its first event hides that event from rate().
  for (const outcome of OUTCOMES) burns.inc({ outcome }, 0);
  for (const reason of REFUSALS) rejected.inc({ reason }, 0);
  new Gauge({
    name: "cpu_load_burns_running",
    help: "Requests to /load that burn now.",
    registers,
    collect() {
      this.set(gate.running);
    },
  });
  new Gauge({
    name: "cpu_load_burns_queued",
    help: "Requests to /load that wait now.",
    registers,
    collect() {
      this.set(gate.queued);
    },
  });
  const seconds = new Histogram({
    name: "cpu_load_seconds",
    help: "Time from the arrival of a request to /load to its answer.",
    buckets: [0.1, 1, 4.9, 5.1, 5.5, 6, 8, 10, 20, 60],
    registers,
  });
  return {
    registry,
    ended: (outcome) => burns.inc({ outcome }),
    refused: (reason) => rejected.inc({ reason }),
    answered: (value) => seconds.observe(value),
  };
}
