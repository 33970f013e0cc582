import { type ServerWritableStream, status } from "@grpc/grpc-js";
import type { OrcaLoadReport } from "../../proto/generated/xds/data/orca/v3/orca_load_report.ts";
import type { OpenRcaServiceServer, OrcaLoadReportRequest } from "../../proto/generated/xds/service/orca/v3/orca.ts";
import type { Figures, Measurement } from "./measurement.ts";

/** No client gets reports more often: more would cost more than it tells. */
export const FASTEST_MS = 50;

/** The interval that a client asks for, in milliseconds; the agent's own where it does not say. */
export function reportIntervalMs(request: OrcaLoadReportRequest, ownMs: number): number {
  const asked = request.reportInterval;
  if (asked === undefined) return ownMs;
  const ms = Number(asked.seconds) * 1000 + asked.nanos / 1e6;
  return ms > 0 ? Math.max(FASTEST_MS, ms) : ownMs;
}

/** Figures as ORCA tells them (xds/data/orca/v3/orca_load_report.proto). */
export function toReport(figures: Figures): OrcaLoadReport {
  return {
    cpuUtilization: figures.utilisation,
    memUtilization: figures.memory,
    rps: 0n,
    rpsFractional: 0,
    eps: 0,
    applicationUtilization: 0,
    requestCost: {},
    utilization: {},
    namedMetrics: {
      cpu_used: figures.used,
      cpu_wait: figures.waited,
      throttled: figures.throttled,
      cpu_capacity_cores: figures.capacity,
    },
  };
}

/** A beat of reports for one stream: says at each look whether one is due. */
export function beat(intervalMs: number, lookMs: number): (nowMs: number) => boolean {
  let dueMs = Number.NEGATIVE_INFINITY;
  return (nowMs) => {
    // Looks and reports beat separately: the look nearest to the due time is the one.
    if (nowMs < dueMs - lookMs / 2) return false;
    dueMs = dueMs + intervalMs > nowMs ? dueMs + intervalMs : nowMs + intervalMs;
    return true;
  };
}

/** The out-of-band service of ORCA (gRFC A51): a report each interval. A client that does not read gets the latest when it reads again, not all. */
export function orcaService(measurement: Measurement, ownMs: number, nowMs: () => number): OpenRcaServiceServer {
  return {
    streamCoreMetrics(call: ServerWritableStream<OrcaLoadReportRequest, OrcaLoadReport>) {
      const intervalMs = reportIntervalMs(call.request, ownMs);
      const isDue = beat(intervalMs, Math.min(ownMs, intervalMs));
      let blocked = false;
      const stop = measurement.listen((outcome) => {
        if (outcome.kind === "absent") {
          stop();
          call.emit("error", { code: status.UNAVAILABLE, details: outcome.reason });
        } else if (!blocked && isDue(nowMs())) blocked = !call.write(toReport(outcome.figures));
      }, intervalMs);
      call.on("drain", () => {
        blocked = false;
      });
      for (const end of ["cancelled", "close", "error"]) call.on(end, stop);
    },
  };
}
