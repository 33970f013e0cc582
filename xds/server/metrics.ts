import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** What the metrics read when they are scraped. */
export interface MetricSources {
  clients(): number;
  streams(): readonly { readonly service: string; readonly protocol: string; readonly count: number }[];
  /** Responses without an answer yet, by short type. */
  pending(): ReadonlyMap<string, number>;
}

export interface XdsMetrics {
  readonly responses: Counter<"type">;
  readonly responseBytes: Counter<"type">;
  readonly acks: Counter<"type">;
  readonly nacks: Counter<"type">;
  readonly staleRequests: Counter<"type">;
  readonly refusedStreams: Counter<"code">;
  readonly loadReports: Counter;
  readonly pushes: Histogram;
}

/** The server's metrics, in one registry. */
export function xdsMetrics(registry: Registry, sources: MetricSources): XdsMetrics {
  const registers = [registry];
  const labelNames = ["type"] as const;
  new Gauge({
    name: "evenkeel_xds_clients",
    help: "Different nodes with at least one open xDS stream.",
    registers,
    collect() {
      this.set(sources.clients());
    },
  });
  new Gauge({
    name: "evenkeel_xds_streams",
    help: "Open xDS streams by service (ads, cds, eds, lds, rds) and protocol (sotw, delta).",
    labelNames: ["service", "protocol"],
    registers,
    collect() {
      this.reset();
      for (const { service, protocol, count } of sources.streams()) this.set({ service, protocol }, count);
    },
  });
  new Gauge({
    name: "evenkeel_xds_pending",
    help: "Responses that were sent and are neither accepted nor refused yet, by type.",
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const [type, count] of sources.pending()) this.set({ type }, count);
    },
  });
  return {
    responses: new Counter({
      name: "evenkeel_xds_responses_total",
      help: "xDS responses sent, by type.",
      labelNames,
      registers,
    }),
    responseBytes: new Counter({
      name: "evenkeel_xds_response_bytes_total",
      help: "Bytes of xDS responses sent, by type.",
      labelNames,
      registers,
    }),
    acks: new Counter({ name: "evenkeel_xds_acks_total", help: "Responses accepted, by type.", labelNames, registers }),
    nacks: new Counter({
      name: "evenkeel_xds_nacks_total",
      help: "Responses refused, by type.",
      labelNames,
      registers,
    }),
    staleRequests: new Counter({
      name: "evenkeel_xds_stale_requests_total",
      help: "Requests that answered a response that is not the newest, by type.",
      labelNames,
      registers,
    }),
    refusedStreams: new Counter({
      name: "evenkeel_xds_refused_streams_total",
      help: "Streams that were ended because of what the client sent, by gRPC status.",
      labelNames: ["code"],
      registers,
    }),
    loadReports: new Counter({
      name: "evenkeel_xds_load_reports_total",
      help: "Load reports (LRS) taken in.",
      registers,
    }),
    pushes: new Histogram({
      name: "evenkeel_xds_push_seconds",
      help: "Time to hand one change of the resources to all streams, in seconds.",
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
      registers,
    }),
  };
}
