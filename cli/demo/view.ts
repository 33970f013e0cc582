import type { WorkerView } from "./observe.ts";
import type { UploadResult } from "./uploads.ts";

/** What one frame of the live view shows. */
export interface Frame {
  readonly workers: readonly WorkerView[];
  /** Share of the uploads of the last seconds, by worker name, 0 to 1. */
  readonly shares: ReadonlyMap<string, number>;
  /** Mean latency of the uploads that each worker ended in the last seconds, by worker name, in ms. */
  readonly latencies: ReadonlyMap<string, number>;
  readonly busy: string | undefined;
  readonly recent: readonly UploadResult[];
  readonly sent: number;
  readonly failed: number;
  readonly note: string;
  readonly tryIt: readonly string[];
}

const BAR = 16;

/** Draws a frame as plain text lines. Pure. */
export function render(frame: Frame): string {
  const rows = frame.workers.map((worker) => {
    const share = frame.shares.get(worker.name) ?? 0;
    return [
      worker.name.padEnd(10),
      bar(worker.cpu ?? 0),
      percent(worker.cpu).padStart(5),
      String(worker.weight ?? "-").padStart(7),
      String(worker.inFlight).padStart(10),
      percent(share).padStart(7),
      bar(share),
      ms(frame.latencies.get(worker.name) ?? Number.NaN).padStart(9),
      worker.name === frame.busy ? "busy" : "",
    ].join(" ");
  });
  const latencies = frame.recent.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b);
  return [
    `${"".padEnd(10)} ${"CPU".padEnd(BAR)} ${"".padStart(5)} ${"weight".padStart(7)} ${"in-flight".padStart(10)} ${"share".padStart(7)} ${"".padEnd(BAR)} ${"latency".padStart(9)}`,
    ...rows,
    "",
    `uploads ${frame.sent}, failed ${frame.failed}; latency p50 ${ms(quantile(latencies, 0.5))}, p95 ${ms(quantile(latencies, 0.95))}`,
    frame.note,
    "",
    ...frame.tryIt,
  ].join("\n");
}

/** The value below which a share `q` of sorted figures lies; NaN for none. */
export function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

function bar(value: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, value)) * BAR);
  return "█".repeat(filled) + "░".repeat(BAR - filled);
}

function percent(value: number | undefined): string {
  return value === undefined ? "-" : `${Math.round(value * 100)}%`;
}

function ms(value: number): string {
  return Number.isNaN(value) ? "-" : `${value.toFixed(0)} ms`;
}
