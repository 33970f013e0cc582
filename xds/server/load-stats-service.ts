import { type Server, type ServerDuplexStream, status } from "@grpc/grpc-js";
import {
  LoadReportingServiceService,
  LoadStatsRequest,
  LoadStatsResponse,
} from "../../proto/generated/envoy/service/load_stats/v3/lrs.ts";
import type { Duration } from "../../proto/generated/google/protobuf/duration.ts";
import type { LoadReportSink } from "../signals/load-report.ts";
import { clusterLoadReports } from "./load-stats.ts";
import { decoder, Malformed } from "./messages.ts";

/** Reports that may arrive each second, over all Envoys. With more of them, each that comes is asked to report less often. */
const MOST_REPORTS_PER_SECOND = 500;

export interface LoadStatsOptions {
  readonly sink: LoadReportSink;
  /** How often each Envoy is to report while there are few, in ms; never: none is asked to. */
  readonly intervalMs: number | "never";
  /** Called with each report that was taken in. */
  readonly onReport: () => void;
}

export interface LoadStatsService {
  /** Ends all streams with a gRPC status. */
  end(code: status, details: string): void;
  size(): number;
}

type Call = ServerDuplexStream<LoadStatsRequest | Malformed, LoadStatsResponse>;

/**
 * The load reporting service: asks every client for the loads of all its clusters by endpoint, and hands them on.
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/load_stats/v3/lrs.proto
 */
export function addLoadStatsService(server: Server, options: LoadStatsOptions): LoadStatsService {
  const calls = new Set<Call>();
  let serial = 0;
  server.addService(
    {
      streamLoadStats: {
        ...LoadReportingServiceService.streamLoadStats,
        requestDeserialize: decoder((bytes) => LoadStatsRequest.decode(bytes)),
      },
    },
    {
      streamLoadStats: (call: Call) => {
        serial += 1;
        calls.add(call);
        call.once("close", () => calls.delete(call));
        const { intervalMs } = options;
        const affordable = intervalMs === "never" ? intervalMs : affordableIntervalMs(calls.size, intervalMs);
        serve(call, serial, { ...options, intervalMs: affordable });
      },
    },
  );
  return {
    end(code, details) {
      for (const call of calls) call.emit("error", { code, details });
    },
    size: () => calls.size,
  };
}

/** The interval at which so many Envoys can be asked, doubled until their reports are few enough. In ms. */
export function affordableIntervalMs(envoys: number, wantedMs: number): number {
  let intervalMs = wantedMs;
  while ((envoys * 1000) / intervalMs > MOST_REPORTS_PER_SECOND) intervalMs *= 2;
  return intervalMs;
}

function serve(call: Call, serial: number, { sink, intervalMs, onReport }: LoadStatsOptions): void {
  let client: string | undefined;
  call.on("data", (message: LoadStatsRequest | Malformed) => {
    if (message instanceof Malformed)
      return void call.emit("error", {
        code: status.INVALID_ARGUMENT,
        details: `the request is no valid protobuf message: ${message.reason}`,
      });
    if (client === undefined) {
      if (message.node === undefined || message.node.id === "")
        return void call.emit("error", {
          code: status.INVALID_ARGUMENT,
          details: "the first request of a stream must carry a node with an id",
        });
      client = `${message.node.id}#${serial}`;
      if (intervalMs === "never") return;
      call.write(
        LoadStatsResponse.create({
          sendAllClusters: true,
          reportEndpointGranularity: true,
          loadReportingInterval: durationOf(intervalMs),
        }),
      );
    }
    const reports = clusterLoadReports(client, message.clusterStats);
    if (reports.length === 0) return;
    sink.record(reports);
    onReport();
  });
  call.on("end", () => call.end());
  call.once("close", () => {
    if (client !== undefined) sink.clientGone(client);
  });
}

function durationOf(ms: number): Duration {
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1e6 };
}
