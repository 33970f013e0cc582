import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Gate } from "../server/gate.ts";
import type { Receptions } from "./receptions.ts";
import type { RefusalReason } from "./refusal.ts";

/**
 * How an accepted upload ended: `ok` and `failed` by its return code, `timeout`, `gone` (the client left), `stopped` (the
 * drain ran out of time), `error` (it could not be run).
 */
export type JobOutcome = "ok" | "failed" | "timeout" | "gone" | "stopped" | "error";

const OUTCOMES: readonly JobOutcome[] = ["ok", "failed", "timeout", "gone", "stopped", "error"];
const REASONS: readonly RefusalReason[] = [
  "unusable",
  "too-large",
  "too-slow",
  "queue-full",
  "arriving-full",
  "space-full",
  "disk-fails",
  "draining",
];

/** What the worker tells Prometheus. */
export interface WorkerMetrics {
  readonly registry: Registry;
  jobEnded(outcome: JobOutcome): void;
  refused(reason: RefusalReason): void;
  waited(seconds: number): void;
  ran(seconds: number): void;
}

/** Makes a registry of its own, so that two workers may live in one process. */
export function createMetrics(gate: Gate, receptions: Receptions, isolation: string): WorkerMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const jobs = new Counter({
    name: "worker_jobs_total",
    help: "Accepted uploads by how they ended.",
    labelNames: ["outcome"],
    registers,
  });
  const rejected = new Counter({
    name: "worker_rejected_total",
    help: "Uploads that were not run, by reason.",
    labelNames: ["reason"],
    registers,
  });
  // A series that appears with its first event hides that event from rate().
  for (const outcome of OUTCOMES) jobs.inc({ outcome }, 0);
  for (const reason of REASONS) rejected.inc({ reason }, 0);
  new Gauge({
    name: "worker_jobs_running",
    help: "Scripts that run now.",
    registers,
    collect() {
      this.set(gate.running);
    },
  });
  new Gauge({
    name: "worker_uploads_arriving",
    help: "Uploads that arrive now.",
    registers,
    collect() {
      this.set(receptions.size);
    },
  });
  new Gauge({
    name: "worker_jobs_queued",
    help: "Uploads that have arrived and wait now.",
    registers,
    collect() {
      this.set(gate.queued);
    },
  });
  const wait = new Histogram({
    name: "worker_wait_seconds",
    help: "Time from an upload's arrival to its script's start.",
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300],
    registers,
  });
  const run = new Histogram({
    name: "worker_job_seconds",
    help: "Time that scripts ran.",
    buckets: [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 180, 600],
    registers,
  });
  new Gauge({
    name: "worker_isolation_info",
    help: "The isolation that scripts run in.",
    labelNames: ["isolation"],
    registers,
  }).set({ isolation }, 1);
  return {
    registry,
    jobEnded: (outcome) => jobs.inc({ outcome }),
    refused: (reason) => rejected.inc({ reason }),
    waited: (seconds) => wait.observe(seconds),
    ran: (seconds) => run.observe(seconds),
  };
}
