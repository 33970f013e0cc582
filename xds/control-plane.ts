import { collectDefaultMetrics, Registry } from "prom-client";
import type { Logger } from "../common/log.ts";
import { fleetView } from "./console/fleet-view.ts";
import { startConsole } from "./console/server.ts";
import type { FleetSource } from "./fleet/fleet.ts";
import { Publisher } from "./publisher.ts";
import { ResourceStore } from "./resources/store.ts";
import { Demand } from "./server/demand.ts";
import { startXdsServer } from "./server/server.ts";
import { LoadReports } from "./signals/load-reports.ts";
import { followAgents } from "./signals/orca.ts";
import { SignalTable } from "./signals/table.ts";
import { startBalancer } from "./weights/balancer.ts";

export interface ControlPlaneOptions {
  readonly source: FleetSource;
  readonly host: string;
  readonly xdsPort: number;
  readonly httpHost: string;
  readonly httpPort: number;
  /** How long a cluster may wait for its first signals before it is told with what is known. */
  readonly settleTimeoutMs: number;
  readonly loadReportIntervalMs: number;
  readonly log: Logger;
}

export interface ControlPlane {
  readonly xdsPort: number;
  readonly httpPort: number;
  stop(): Promise<void>;
}

/**
 * Puts the parts together, left to right: fleet and signals, weights, resources, streams. The xDS port opens only when
 * every cluster of the first fleet has its weights, so that a client that comes back after a restart is never told less
 * than it knew.
 * @throws EvenkeelError EK_PORT_IN_USE
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { source, log } = options;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const signals = new SignalTable({ registry });
  const loadReports = new LoadReports(signals);
  const store = new ResourceStore();
  const demand = new Demand();
  const publisher = new Publisher(store, registry, log);
  const agents = followAgents(source, signals, { registry, log });
  const balancer = startBalancer({
    source,
    signals,
    demand,
    settleTimeoutMs: options.settleTimeoutMs,
    registry,
    onWeights: (cluster, weights) => publisher.publishWeights(cluster, weights),
  });
  const publishFleet = () => {
    const fleet = source.current();
    if (fleet !== undefined) publisher.publishFleet(fleet);
  };
  const unsubscribe = source.subscribe(publishFleet);
  publishFleet();

  let serving = false;
  const notReady = () => {
    if (source.current() === undefined) return source.fault() ?? "no fleet yet";
    return serving ? undefined : "waiting for the first signals of every cluster";
  };
  const console = await startConsole(
    {
      registry,
      notReady,
      fleet: () =>
        fleetView(source.current(), source.fault(), signals, (name) => publisher.weights(name), performance.now()),
      clients: () => server?.clients() ?? [],
    },
    { host: options.httpHost, port: options.httpPort },
  );
  await settled(source, publisher);
  const server = await startXdsServer({
    store,
    demand,
    loadReports,
    host: options.host,
    port: options.xdsPort,
    registry,
    log,
    ready: () => notReady() === undefined,
    reportIntervalMs: options.loadReportIntervalMs,
  });
  serving = true;
  log.info({ xdsPort: server.port, httpPort: console.port }, "serving");
  return {
    xdsPort: server.port,
    httpPort: console.port,
    async stop() {
      serving = false;
      unsubscribe();
      await server.stop(5000);
      balancer.close();
      agents.close();
      await console.stop();
      await source.close();
    },
  };
}
