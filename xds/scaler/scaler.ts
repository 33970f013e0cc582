import { EvenkeelError } from "../../common/errors.ts";
import type { Logger } from "../../common/log.ts";
import { brokerAccess } from "../../workloads/analyzer/mqtt-settings.ts";
import { type Capacity, controllerCapacity } from "./capacity.ts";
import { startScalerConsole } from "./console.ts";
import { scalerMetrics } from "./metrics.ts";
import { type NodeFigures, openNodeFigures, rulesOf } from "./node-figures.ts";
import { ReleaseDesk } from "./release-desk.ts";
import { startScalerServer } from "./server.ts";
import type { ScalerSettings } from "./settings.ts";
import { type Broker, WaitingImages } from "./waiting/waiting.ts";

export interface Scaler {
  /** KEDA's gRPC port. */
  readonly port: number;
  readonly httpPort: number;
  stop(): Promise<void>;
}

/** For calls that are under way at the end, in ms. */
const GRACE_MS = 3000;

/**
 * Starts the scaler: KEDA's gRPC side and the HTTP side, until it is stopped.
 * @throws EvenkeelError EK_SETTING_INVALID, EK_KUBE_CONFIG, EK_FILE_UNREADABLE, EK_PORT_IN_USE
 */
export async function startScaler(settings: ScalerSettings, log: Logger, env = process.env): Promise<Scaler> {
  const waiting = waitingOf(settings, log, env);
  const tls = tlsOf(settings);
  const figures = settings.controllerUrl === "" ? openNodeFigures(settings, log, env) : undefined;
  const capacity = figures?.capacity ?? controllerOf(settings);
  const desk = new ReleaseDesk({ capacity, waiting });
  const { registry, calls, seconds } = scalerMetrics(settings.metricName, capacity);
  const notReady = () => figures?.cluster.fault(settings.maxAge);
  const console = await startScalerConsole(
    { registry, notReady, views: views(capacity, desk, figures) },
    { host: settings.httpHost, port: settings.httpPort },
  );
  try {
    const server = await startScalerServer({
      desk,
      tls,
      log,
      host: settings.host,
      port: settings.listenPort,
      defaults: { metricName: settings.metricName, threshold: settings.threshold },
      pushMs: settings.push,
      ready: () => notReady() === undefined,
      onCall: (method, code, took) => {
        calls.inc({ method, code });
        seconds.observe({ method }, took);
      },
    });
    log.info(
      { port: server.port, httpPort: console.port, tls: tls !== undefined, work: settings.work },
      "serving KEDA",
    );
    return {
      port: server.port,
      httpPort: console.port,
      async stop() {
        await server.stop(GRACE_MS);
        await Promise.all([console.stop(), figures?.close()]);
      },
    };
  } catch (error) {
    await Promise.all([console.stop(), figures?.close()]);
    throw error;
  }
}

function views(capacity: Capacity, desk: ReleaseDesk, figures: NodeFigures | undefined) {
  return {
    "/nodes": () => capacity.look(),
    "/triggers": () => desk.view(),
    ...(figures === undefined ? {} : { "/sources": async () => figures.sources.status() }),
  };
}

function controllerOf(settings: ScalerSettings): Capacity {
  return controllerCapacity(settings.controllerUrl, rulesOf(settings), settings.deadline);
}

function waitingOf(settings: ScalerSettings, log: Logger, env: NodeJS.ProcessEnv): WaitingImages | undefined {
  if (settings.work === "capacity") return undefined;
  if (settings.natsUrl === "")
    throw new EvenkeelError("EK_SETTING_INVALID", "it is not said where waiting images can be counted", {
      where: "evenkeel scaler",
      next: "give NATS_MONITOR_URL; with a broker that cannot be asked, --work capacity releases a job for every free node",
    });
  return new WaitingImages({
    url: settings.natsUrl,
    ...(settings.natsAccount !== "" && { account: settings.natsAccount }),
    broker: brokerOf(settings, env),
    deadlineMs: settings.deadline,
    log,
  });
}

function brokerOf({ broker, ...values }: ScalerSettings, env: NodeJS.ProcessEnv): Broker | undefined {
  return broker === undefined ? undefined : brokerAccess({ ...values, broker }, env);
}

function tlsOf({ tlsCert, tlsKey, tlsClientCa }: ScalerSettings) {
  if (tlsCert === "" && tlsKey === "" && tlsClientCa === "") return undefined;
  if (tlsCert === "" || tlsKey === "")
    throw new EvenkeelError("EK_SETTING_INVALID", "TLS needs both a certificate and its key", {
      where: "evenkeel scaler",
      next: "give --tls-cert and --tls-key; --tls-client-ca besides for mTLS",
    });
  return { certificate: tlsCert, key: tlsKey, clientCa: tlsClientCa === "" ? undefined : tlsClientCa };
}
