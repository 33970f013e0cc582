import { collectDefaultMetrics, Registry } from "prom-client";
import type { Logger } from "../common/log.ts";
import { fleetView } from "./console/fleet-view.ts";
import { startConsole } from "./console/server.ts";
import { expectDemanded } from "./expect-demanded.ts";
import type { FleetSource } from "./fleet/fleet.ts";
import { Publisher } from "./publisher.ts";
import type { DemandReader } from "./resources/resource.ts";
import { ResourceStore } from "./resources/store.ts";
import type { ProxySource } from "./reverse-proxy/source.ts";
import { Demand } from "./server/demand.ts";
import { startXdsServer, type XdsServer } from "./server/server.ts";
import { forgetDeparted } from "./signals/departed.ts";
import type { SourceStatus } from "./signals/kubernetes/source-status.ts";
import { LoadReports } from "./signals/load-reports.ts";
import { OrcaSignals } from "./signals/orca.ts";
import type { SignalSink } from "./signals/signal.ts";
import { exposeSignals } from "./signals/signal-metrics.ts";
import { SignalTable } from "./signals/table.ts";
import { type AllowedClients, admission, clientIdentity } from "./tls/admission.ts";
import { mutualTls } from "./tls/credentials.ts";
import type { OpenIdentity } from "./tls/settings.ts";
import { Balancer } from "./weights/balancer.ts";
import { whenSettled } from "./when-settled.ts";

export interface ControlPlaneOptions {
  readonly source: FleetSource;
  /** A reverse proxy that is served beside the fleet; it is closed with it. */
  readonly proxy?: ProxySource;
  readonly host: string;
  readonly xdsPort: number;
  readonly httpHost: string;
  readonly httpPort: number;
  /** How long a cluster may wait for its first signals before it is told with what is known. */
  readonly settleTimeoutMs: number;
  readonly loadReportIntervalMs: number;
  readonly log: Logger;
  readonly attach?: Attach;
  /** Gets what the xDS port proves itself with; absent or undefined: plain text. The console answers meanwhile. */
  readonly identity?: () => Promise<OpenIdentity | undefined>;
  /** Who may connect over TLS; empty: whoever the roots vouch for. */
  readonly allowedClients?: AllowedClients;
  /** Aborted: give up while the first fleet is still awaited. */
  readonly signal?: AbortSignal;
}

/** Joins what hears of demand and feeds signals, such as a cluster's own CPU figures; it is closed before the fleet's source. */
export type Attach = (parts: { readonly demand: DemandReader; readonly sink: SignalSink }) => {
  /** How each source of CPU figures is. */
  sources(): readonly SourceStatus[];
  close(): Promise<void>;
};

export interface ControlPlane {
  /** 0 when it gave up before it served. */
  readonly xdsPort: number;
  readonly httpPort: number;
  stop(): Promise<void>;
}

/**
 * Puts the parts together, left to right: fleet and signals, weights, resources, streams. The xDS port opens only when
 * every cluster of the first fleet has its weights, so that a client that comes back after a restart is never told less
 * than it knew.
 * @throws EvenkeelError EK_PORT_IN_USE, EK_SETTING_INVALID; the source is closed then, too
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { source, proxy, log } = options;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const signals = new SignalTable();
  exposeSignals(signals, registry);
  const loadReports = new LoadReports(signals);
  const store = new ResourceStore();
  const demand = new Demand();
  const publisher = new Publisher(store, registry, log);
  const stopExpecting = expectDemanded({ demand, source, store, settleTimeoutMs: options.settleTimeoutMs });
  const { settled, look } = whenSettled(source, (name) => publisher.weights(name) !== undefined);
  const balancer = new Balancer({
    fleet: source,
    signals,
    demand,
    loadReports,
    settleTimeoutMs: options.settleTimeoutMs,
    onWeights: (cluster, weights) => {
      publisher.publishWeights(cluster, weights);
      look();
    },
  });
  const agents = new OrcaSignals({ fleet: source, sink: signals });
  const attached = options.attach?.({ demand, sink: signals });
  const stopForgetting = forgetDeparted(source, signals);
  const publishFleet = () => {
    const fleet = source.current();
    if (fleet === undefined) return;
    publisher.publishFleet(fleet);
    look();
  };
  const unsubscribe = source.subscribe(publishFleet);
  publishFleet();
  const publishProxy = () => proxy !== undefined && publisher.publishProxy(proxy.current().resources);
  proxy?.subscribe(publishProxy);
  publishProxy();

  let serving = false;
  let certified = options.identity === undefined;
  const notReady = () => {
    if (source.current() === undefined) return source.fault() ?? "no fleet yet";
    if (!certified) return "waiting for the xDS port's certificate";
    return serving ? undefined : "waiting for the first signals of every cluster";
  };
  let server: XdsServer | undefined;
  let console: { port: number; stop(): Promise<void> } | undefined;
  let identity: OpenIdentity | undefined;
  const stop = async () => {
    serving = false;
    unsubscribe();
    proxy?.close();
    stopForgetting();
    stopExpecting();
    await server?.stop(5000);
    identity?.close();
    balancer.close();
    agents.close();
    await attached?.close();
    await console?.stop();
    await source.close();
  };
  try {
    console = await startConsole(
      {
        registry,
        notReady,
        fleet: () =>
          fleetView(source.current(), source.fault(), signals, (name) => publisher.weights(name), performance.now()),
        clients: () => server?.clients() ?? [],
        signals: () => attached?.sources() ?? [],
      },
      { host: options.httpHost, port: options.httpPort },
    );
    const ready = Promise.all([settled, options.identity?.().finally(() => (certified = true))]);
    [, identity] = (await Promise.race([ready, aborted(options.signal)])) ?? [];
    if (options.signal?.aborted !== true) {
      server = await startXdsServer({
        store,
        demand,
        loadReports,
        host: options.host,
        port: options.xdsPort,
        registry,
        log,
        ready: () => notReady() === undefined,
        ...(identity !== undefined && {
          credentials: mutualTls(identity.current),
          interceptors: [admission(options.allowedClients ?? [], log)],
          identify: clientIdentity,
        }),
        reportIntervalMs: options.loadReportIntervalMs,
      });
      serving = true;
      log.info({ xdsPort: server.port, httpPort: console.port }, "serving");
    }
  } catch (error) {
    // What would go on watching and measuring would keep a process alive that serves nothing.
    await stop();
    throw error;
  }
  return { xdsPort: server?.port ?? 0, httpPort: console.port, stop };
}

/** Settles when the signal is aborted. */
function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) resolve();
    signal?.addEventListener("abort", () => resolve(), { once: true });
  });
}
