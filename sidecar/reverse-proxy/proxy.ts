import { hostname } from "node:os";
import { Registry } from "prom-client";
import type { Child } from "../../common/child.ts";
import { EvenkeelError } from "../../common/errors.ts";
import type { Logger } from "../../common/log.ts";
import { ResourceStore } from "../../xds/resources/store.ts";
import { Demand } from "../../xds/server/demand.ts";
import { startXdsServer } from "../../xds/server/server.ts";
import { bootstrap } from "../bootstrap/bootstrap.ts";
import { type RunEnvoyOptions, type RunningEnvoy, runEnvoy } from "../envoy/run.ts";
import type { ProxyConfig } from "./config.ts";
import { encodeProxy, publish } from "./publish.ts";
import { type ProxyOptions, proxyResources } from "./resources.ts";

const LOOPBACK = "127.0.0.1";
const STOP_MS = 1000;

export interface StartOptions extends ProxyOptions, Pick<RunEnvoyOptions, "binary" | "concurrency" | "onLine"> {
  readonly log: Logger;
  /** 0: a free one. */
  readonly adminPort: number;
  readonly maxHeapBytes: number;
  readonly envoyLogLevel: NonNullable<RunEnvoyOptions["logLevel"]>;
}

/** A reverse proxy that runs: an Envoy, and beside it the xDS server that tells it what to do. */
export interface RunningProxy {
  readonly envoy: RunningEnvoy;
  /**
   * Takes another configuration without a restart: connections and requests under way go on.
   * @throws EvenkeelError EK_RESOURCE_INVALID, EK_ENVOY_REFUSED, EK_TIMEOUT; the configuration before then stays
   */
  update(config: ProxyConfig): Promise<void>;
  /** Ends both at once. */
  stop(): Promise<void>;
}

/**
 * Starts a reverse proxy and waits until it takes requests.
 * @throws EvenkeelError EK_RESOURCE_INVALID, EK_ENVOY_REFUSED, EK_TIMEOUT, and as {@link runEnvoy} does
 */
export async function startProxy(config: ProxyConfig, options: StartOptions): Promise<RunningProxy> {
  const { log } = options;
  const store = new ResourceStore();
  const first = await encodeProxy(proxyResources(config, options));
  const server = await startXdsServer({
    store,
    demand: new Demand(),
    loadReports: { record: () => undefined, clientGone: () => undefined },
    host: LOOPBACK,
    port: 0,
    registry: new Registry(),
    log,
    ready: () => true,
  });
  let envoy: RunningEnvoy | undefined;
  const ended = new AbortController();
  const stop = async () => {
    await envoy?.stop();
    await server.stop(STOP_MS);
  };
  try {
    envoy = await runEnvoy({
      binary: options.binary,
      name: "envoy",
      config: proxyBootstrap(server.port, options),
      logLevel: options.envoyLogLevel,
      ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
      ...(options.onLine === undefined ? {} : { onLine: options.onLine }),
    });
    const { child } = envoy;
    child.exited.then(() => ended.abort(new EvenkeelError("EK_CHILD_FAILED", endedText(child))));
    await publish(server, store, first, ended.signal);
    await envoy.ready();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    envoy,
    update: async (next) =>
      await publish(server, store, await encodeProxy(proxyResources(next, options)), ended.signal),
    stop,
  };
}

function endedText(child: Child): string {
  return `${child.name} ended: ${child.lastLines().slice(-5).join(" | ")}`;
}

function proxyBootstrap(xdsPort: number, options: StartOptions): object {
  return {
    ...bootstrap({
      nodeId: `reverse-proxy-${hostname()}-${process.pid}`,
      nodeCluster: "reverse-proxy",
      xds: [{ address: LOOPBACK, port: xdsPort }],
      adminPort: options.adminPort,
      maxHeapBytes: options.maxHeapBytes,
    }),
    // Nobody asks this Envoy for its load: ten thousand services would be told of each second for nothing.
    cluster_manager: {},
  };
}
