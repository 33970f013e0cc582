import { type Server, type ServerDuplexStream, status } from "@grpc/grpc-js";
import {
  LoadReportingServiceService,
  LoadStatsResponse,
} from "../../proto/generated/envoy/service/load_stats/v3/lrs.ts";
import { duration } from "../resources/duration.ts";
import type { LoadReportSink } from "../signals/load-report.ts";
import { decodeLoadRequest, type LoadRequest } from "./load-request.ts";
import { clusterLoadReports } from "./load-stats.ts";
import { decoder, Malformed } from "./messages.ts";

/** Reports that may arrive each second, over all Envoys. With more of them, each that comes is asked to report less often. */
const MOST_REPORTS_PER_SECOND = 500;
/** A client that starts asks for its endpoints one after the other: what it reports on is looked at when they have come, in ms. */
const GATHER_MS = 100;

/** What each Envoy is to report on, as its other streams show it. */
export interface LoadTargetsReader {
  /** The clusters by node id. A client that is not in it is asked for nothing yet. */
  current(): ReadonlyMap<string, ReadonlySet<string>>;
  /** Calls back after what may have changed it. Returns the end of the subscription. */
  subscribe(listener: () => void): () => void;
}

export interface LoadStatsOptions {
  readonly sink: LoadReportSink;
  readonly targets: LoadTargetsReader;
  /** How often each Envoy is to report while there are few, in ms. */
  readonly intervalMs: number;
  /** Called with each report that was taken in. */
  readonly onReport: () => void;
}

export interface LoadStatsService {
  /** Ends all streams with a gRPC status. */
  end(code: status, details: string): void;
}

type Call = ServerDuplexStream<LoadRequest | Malformed, LoadStatsResponse>;

/**
 * The load reporting service: asks every client for the loads of the clusters that we tell it of, by endpoint, and hands
 * them on. What a client tells of other clusters is passed over.
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/load_stats/v3/lrs.proto
 */
export function addLoadStatsService(server: Server, options: LoadStatsOptions): LoadStatsService {
  const reporters = new Map<Call, Reporter>();
  let serial = 0;
  let gathering: NodeJS.Timeout | undefined;
  const ask = () => {
    gathering = undefined;
    const targets = options.targets.current();
    for (const reporter of reporters.values()) reporter.ask(targets);
  };
  const askSoon = () => {
    if (reporters.size > 0) gathering ??= setTimeout(ask, GATHER_MS);
  };
  const unsubscribe = options.targets.subscribe(askSoon);
  server.addService(
    {
      streamLoadStats: {
        ...LoadReportingServiceService.streamLoadStats,
        requestDeserialize: decoder(decodeLoadRequest),
      },
    },
    {
      streamLoadStats: (call: Call) => {
        serial += 1;
        const intervalMs = affordableIntervalMs(reporters.size + 1, options.intervalMs);
        reporters.set(call, serve(call, serial, { ...options, intervalMs }, askSoon));
        call.once("close", () => reporters.delete(call));
      },
    },
  );
  return {
    end(code, details) {
      unsubscribe();
      clearTimeout(gathering);
      for (const call of reporters.keys()) call.emit("error", { code, details });
    },
  };
}

/** The interval at which so many Envoys can be asked, doubled until their reports are few enough. In ms. */
export function affordableIntervalMs(envoys: number, wantedMs: number): number {
  let intervalMs = wantedMs;
  while ((envoys * 1000) / intervalMs > MOST_REPORTS_PER_SECOND) intervalMs *= 2;
  return intervalMs;
}

interface Reporter {
  /** Tells the client what to report on, if that is something else than it was told last. */
  ask(targets: ReadonlyMap<string, ReadonlySet<string>>): void;
}

function serve(
  call: Call,
  serial: number,
  { sink, intervalMs, onReport }: LoadStatsOptions,
  askSoon: () => void,
): Reporter {
  let nodeId: string | undefined;
  let wanted: ReadonlySet<string> = new Set();
  let asked: ReadonlySet<string> = new Set();
  let isWriting = false;
  const client = () => `${nodeId}#${serial}`;
  call.on("data", (message: LoadRequest | Malformed) => {
    if (message instanceof Malformed)
      return void call.emit("error", {
        code: status.INVALID_ARGUMENT,
        details: `the request is no valid protobuf message: ${message.reason}`,
      });
    if (nodeId === undefined) {
      if (message.nodeId === undefined || message.nodeId === "")
        return void call.emit("error", {
          code: status.INVALID_ARGUMENT,
          details: "the first request of a stream must carry a node with an id",
        });
      nodeId = message.nodeId;
      askSoon();
    }
    const reports = clusterLoadReports(client(), message.clusterStats).filter(({ cluster }) => asked.has(cluster));
    if (reports.length === 0) return;
    sink.record(reports);
    onReport();
  });
  call.on("end", () => call.end());
  call.once("close", () => {
    if (nodeId !== undefined) sink.clientGone(client());
  });
  const tell = () => {
    if (isWriting || !call.writable || isSame(wanted, asked)) return;
    asked = wanted;
    isWriting = true;
    const response = LoadStatsResponse.create({
      clusters: [...asked],
      reportEndpointGranularity: true,
      loadReportingInterval: duration(intervalMs),
    });
    // Called when flow control has let it go: for a client that does not read, the newest wish waits and not all of them.
    call.write(response, () => {
      isWriting = false;
      tell();
    });
  };
  return {
    ask(targets) {
      if (nodeId !== undefined) wanted = targets.get(nodeId) ?? wanted;
      tell();
    },
  };
}

function isSame(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && one.isSubsetOf(other);
}
