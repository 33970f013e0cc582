import { randomBytes } from "node:crypto";
import { Server, ServerCredentials, type ServerInterceptor, status } from "@grpc/grpc-js";
import type { Registry } from "prom-client";
import { EvenkeelError } from "../../common/errors.ts";
import type { Logger } from "../../common/log.ts";
import { shutDownGrpc } from "../../common/shut-down-grpc.ts";
import packageJson from "../../package.json" with { type: "json" };
import type { ResourceReader, TypeUrl } from "../resources/resource.ts";
import type { LoadReportSink } from "../signals/load-report.ts";
import { Bodies, encodeBody } from "./bodies.ts";
import type { ClientStatus } from "./client-status.ts";
import { addCsdsService } from "./csds-service.ts";
import type { Demand } from "./demand.ts";
import { addDiscoveryServices } from "./discovery-services.ts";
import { addHealthService } from "./health.ts";
import { addLoadStatsService } from "./load-stats-service.ts";
import { loadTargets } from "./load-targets.ts";
import { xdsMetrics } from "./metrics.ts";
import { faultOfNames } from "./name-limits.ts";
import { addReflectionService } from "./reflection.ts";
import { type Refusal, Session } from "./session.ts";
import { type StreamKind, type XdsCall, XdsStream } from "./stream.ts";
import { Streams } from "./streams.ts";
import { WILDCARD } from "./subscription.ts";
import { synczBody } from "./syncz.ts";
import { typeView } from "./type-view.ts";

export interface XdsServerOptions {
  readonly store: ResourceReader;
  readonly demand: Demand;
  readonly loadReports: LoadReportSink;
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** Absent: plaintext. */
  readonly credentials?: ServerCredentials;
  /** See every call before it is answered, whatever it calls. */
  readonly interceptors?: readonly ServerInterceptor[];
  readonly registry: Registry;
  readonly log: Logger;
  /** Whether there is a fleet to be served; what the health service says. */
  readonly ready: () => boolean;
  /** Who the client proved to be; for the logs and {@link ClientStatus}. */
  readonly identify?: (call: XdsCall) => string | undefined;
  /** The most names that one stream may ask for in one type. */
  readonly maxNames?: number;
  /** How often each Envoy is to report its loads, in ms. */
  readonly reportIntervalMs?: number;
  /** How long a response may stay unanswered before newer ones follow it, in ms. */
  readonly ackPatienceMs?: number;
  /** How often an idle connection is asked whether it is alive, in ms. */
  readonly keepaliveMs?: number;
}

export interface XdsServer {
  readonly port: number;
  /** One for each open stream that has asked for something. */
  clients(): ClientStatus[];
  /** Sends all clients away (they connect to another replica, or again) and ends; by force after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** 20 000 names of 60 bytes with their versions fit; the default of most gRPC implementations. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
/** Different foreign types that are logged; a client can make up any number. */
const MAX_LOGGED_TYPES = 100;
const HEALTH_WATCH_MS = 1000;

const SERVICES = [
  "envoy.service.discovery.v3.AggregatedDiscoveryService",
  "envoy.service.cluster.v3.ClusterDiscoveryService",
  "envoy.service.endpoint.v3.EndpointDiscoveryService",
  "envoy.service.listener.v3.ListenerDiscoveryService",
  "envoy.service.route.v3.RouteDiscoveryService",
  "envoy.service.load_stats.v3.LoadReportingService",
  "envoy.service.status.v3.ClientStatusDiscoveryService",
  "grpc.health.v1.Health",
];

/**
 * Serves xDS: ADS and the services of single types, load reports, client status, health and reflection.
 * @throws EvenkeelError EK_PORT_IN_USE, EK_SETTING_INVALID when it cannot listen there
 */
export async function startXdsServer(options: XdsServerOptions): Promise<XdsServer> {
  const { store, demand, registry, log, maxNames = 20_000, ackPatienceMs = 5000, keepaliveMs = 30_000 } = options;
  const streams = new Streams();
  const metrics = xdsMetrics(registry, streams);
  const bodies = new Bodies(store);
  const foreignTypes = new Set<string>();
  // Two lives of this server, or two replicas, must not make the same nonces.
  const life = randomBytes(4).toString("hex");
  let serials = 0;
  let stopping = false;

  const server = new Server({
    "grpc.max_receive_message_length": MAX_REQUEST_BYTES,
    "grpc.max_send_message_length": -1,
    "grpc.keepalive_time_ms": keepaliveMs,
    "grpc.keepalive_timeout_ms": Math.min(10_000, keepaliveMs),
    "grpc.keepalive_permit_without_calls": 1,
    interceptors: [...(options.interceptors ?? [])],
  });

  const noteForeignType = (typeUrl: string): void => {
    if (foreignTypes.has(typeUrl) || foreignTypes.size >= MAX_LOGGED_TYPES) return;
    foreignTypes.add(typeUrl);
    log.warn({ typeUrl: typeUrl.slice(0, 200) }, "clients ask for a type that is not served; it is answered as empty");
  };

  const open = (call: XdsCall, kind: StreamKind): void => {
    serials += 1;
    const serial = serials;
    const stream = new XdsStream({
      call,
      kind,
      serial,
      identity: options.identify?.(call),
      session: new Session({
        protocol: kind.protocol,
        reader: store,
        demand,
        maxNames,
        noncePrefix: `${life}.${serial}`,
      }),
      bodies,
      metrics,
      log,
      ackPatienceMs,
      syncz: () => synczBody(streams.named(), packageJson.version),
      noteForeignType,
      onClose: () => streams.delete(stream),
    });
    streams.add(stream);
    if (stopping) stream.end(status.UNAVAILABLE, "the control plane is shutting down");
  };

  const fetch = (typeUrl: TypeUrl, names: readonly string[]): Buffer | Refusal => {
    const fault = faultOfNames(typeUrl, names.length, names, maxNames);
    if (fault !== undefined) return { verdict: "refused", message: fault };
    const asked = names.length === 0 || names.includes(WILDCARD) ? WILDCARD : [...new Set(names)].sort();
    // Not one of the kept: it would stay when the client that chose its names has gone.
    const view = typeView(store, typeUrl);
    return encodeBody("sotw", { typeUrl, version: view.version(), names: asked, removed: [] }, view);
  };

  addDiscoveryServices(server, { open, fetch });
  const loadStats = addLoadStatsService(server, {
    sink: options.loadReports,
    targets: { current: () => loadTargets(streams.named()), subscribe: (listener) => demand.subscribe(listener) },
    intervalMs: options.reportIntervalMs ?? 1000,
    onReport: () => metrics.loadReports.inc(),
  });
  addCsdsService(server, streams, store);
  addHealthService(server, {
    ready: () => !stopping && options.ready(),
    services: SERVICES,
    watchIntervalMs: HEALTH_WATCH_MS,
  });
  addReflectionService(server, SERVICES);

  const port = await listen(server, options);
  const unfollow = streams.follow(store, (seconds) => metrics.pushes.observe(seconds));
  return {
    port,
    clients: () => streams.statuses(),
    async stop(graceMs) {
      stopping = true;
      unfollow();
      streams.each((stream) => stream.end(status.UNAVAILABLE, "the control plane is shutting down"));
      loadStats.end(status.UNAVAILABLE, "the control plane is shutting down");
      await shutDownGrpc(server, graceMs);
    },
  };
}

async function listen(server: Server, options: XdsServerOptions): Promise<number> {
  const { host, port, credentials = ServerCredentials.createInsecure() } = options;
  const where = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(where, credentials, (error, bound) => {
      if (error === null) resolve(bound);
      else if (error.message.includes("EADDRINUSE"))
        reject(new EvenkeelError("EK_PORT_IN_USE", `xDS cannot be served on ${where}`, { where, cause: error }));
      else
        reject(
          new EvenkeelError("EK_SETTING_INVALID", `xDS cannot be served on ${where}: ${error.message}`, {
            where,
            next: "give an address of this machine to listen on",
            cause: error,
          }),
        );
    });
  });
}
