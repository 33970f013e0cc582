import { EvenkeelError } from "../common/errors.ts";
import { LOG_LEVELS, type Logger, logger, setLogLevel } from "../common/log.ts";
import { is, loadSettings, type Values } from "../common/settings.ts";
import { nextStopSignal } from "../common/stop-signal.ts";
import { type Attach, startControlPlane } from "./control-plane.ts";
import { fileFleet, readFleet } from "./fleet/file/file-fleet.ts";
import type { FleetSource } from "./fleet/fleet.ts";
import { kubernetesFleetSettings } from "./fleet/kubernetes/settings.ts";
import { noFleet } from "./fleet/no-fleet.ts";
import { checkKubernetes } from "./kubernetes-settings.ts";
import { openKubernetes } from "./kubernetes-source.ts";
import { openBeside } from "./reverse-proxy/beside.ts";
import { proxySettings } from "./reverse-proxy/settings.ts";
import type { ProxySource } from "./reverse-proxy/source.ts";
import { signalSettings } from "./signals/kubernetes/settings.ts";
import { checkTls, openIdentity, tlsSettings } from "./tls/settings.ts";

const COMMAND = {
  name: "evenkeel control-plane",
  summary: "Tells Envoy over xDS where the workers are and how to share the requests out, by the CPU that is free now.",
  settings: {
    fleet: {
      flag: "fleet",
      env: "EVENKEEL_FLEET",
      value: "FILE",
      parse: is.anyText,
      default: "",
      help: "the fleet file (YAML), read again when it changes; needed without --kubernetes and --proxy-config",
    },
    ...kubernetesFleetSettings,
    ...signalSettings,
    ...proxySettings,
    host: {
      flag: "host",
      env: "EVENKEEL_HOST",
      value: "ADDRESS",
      parse: is.text,
      default: "127.0.0.1",
      help: "where xDS listens",
    },
    xdsPort: {
      flag: "xds-port",
      env: "EVENKEEL_XDS_PORT",
      value: "PORT",
      parse: is.port({ zero: true }),
      default: "18000",
      help: "the xDS port (gRPC); 0: a free one",
    },
    httpHost: {
      flag: "http-host",
      env: "EVENKEEL_HTTP_HOST",
      value: "ADDRESS",
      parse: is.text,
      default: "127.0.0.1",
      help: "where the console listens",
    },
    httpPort: {
      flag: "http-port",
      env: "EVENKEEL_HTTP_PORT",
      value: "PORT",
      parse: is.port({ zero: true }),
      default: "18001",
      help: "the console's port: /metrics, /healthz, /readyz, /fleet, /clients, /signals; 0: a free one",
    },
    ...tlsSettings,
    settleTimeout: {
      flag: "settle-timeout",
      env: "EVENKEEL_SETTLE_TIMEOUT",
      value: "TIME",
      parse: is.duration(0, 60_000),
      default: "4s",
      help: "how long a cluster waits for its first CPU figures before it is told without them",
    },
    loadReportInterval: {
      flag: "load-report-interval",
      env: "EVENKEEL_LOAD_REPORT_INTERVAL",
      value: "TIME",
      parse: is.duration(100, 60_000),
      default: "100ms",
      help: "how often each Envoy reports its load; with more than 50 of them, those that come later less often",
    },
    logLevel: {
      flag: "log-level",
      env: "EVENKEEL_LOG_LEVEL",
      value: "LEVEL",
      parse: is.choice(...LOG_LEVELS),
      default: "info",
      help: LOG_LEVELS.join(", "),
    },
  },
  examples: [
    "evenkeel control-plane --fleet fleet.yaml",
    "evenkeel control-plane --kubernetes --signals auto",
    "evenkeel control-plane --proxy-config config.yaml",
    "EVENKEEL_FLEET=/etc/evenkeel/fleet.yaml evenkeel control-plane --host 0.0.0.0",
  ],
} as const;

/** `evenkeel control-plane`: runs until SIGTERM or SIGINT. */
export async function main(args: string[]): Promise<number> {
  const loaded = loadSettings(COMMAND, args);
  if (loaded.kind === "help") {
    console.log(loaded.text);
    return 0;
  }
  const { values } = loaded;
  setLogLevel(values.logLevel);
  const log = logger("control-plane");
  checkTls(values);
  checkKubernetes(values);
  const { source, attach, proxy } = await openSources(values, log);
  const ending = new AbortController();
  const stopped = nextStopSignal();
  void stopped.then(() => ending.abort());
  const identity = () => openIdentity(values, { log, signal: ending.signal });
  // Files that cannot be used end us at once; istiod is waited for.
  const opened = values.tls === "files" ? await identity() : undefined;
  const controlPlane = await startControlPlane({
    source,
    ...(proxy !== undefined && { proxy }),
    host: values.host,
    xdsPort: values.xdsPort,
    httpHost: values.httpHost,
    httpPort: values.httpPort,
    settleTimeoutMs: values.settleTimeout,
    loadReportIntervalMs: values.loadReportInterval,
    log,
    signal: ending.signal,
    ...(values.tls !== "none" && { identity: async () => opened ?? identity() }),
    allowedClients: values.allowedClients,
    ...(attach !== undefined && { attach }),
  });
  const signal = await stopped;
  log.info({ signal }, "stopping");
  await controlPlane.stop();
  return 0;
}

type ControlPlaneValues = Values<(typeof COMMAND)["settings"]>;

interface Sources {
  readonly source: FleetSource;
  readonly attach?: Attach;
  readonly proxy?: ProxySource;
}

/** @throws EvenkeelError as {@link openFleet} and {@link openBeside} do */
async function openSources(values: ControlPlaneValues, log: Logger): Promise<Sources> {
  const opened = openFleet(values, log);
  if (values.proxyConfig === "") return opened;
  try {
    const { proxyCaFile: caFile, proxyAccessLog: accessLog } = values;
    const { fleet, proxy } = await openBeside(opened.source, values.proxyConfig, { caFile, accessLog, log });
    return { ...opened, source: fleet, proxy };
  } catch (error) {
    await opened.source.close();
    throw error;
  }
}

/** @throws EvenkeelError EK_FILE_UNREADABLE, EK_FLEET_INVALID, EK_SETTING_INVALID, EK_KUBE_CONFIG */
function openFleet(values: ControlPlaneValues, log: Logger): Sources {
  if (values.kubernetes) {
    const { prometheusUrl: url, prometheusQuery: query, prometheusUnit: unit, prometheusAge: ageMs } = values;
    const prometheus = url === "" ? undefined : { url, query, unit, ageMs };
    return openKubernetes({ ...values, fleetFile: values.fleet, prometheus, log });
  }
  if (values.fleet === "" && values.proxyConfig !== "") return { source: noFleet() };
  if (values.fleet === "")
    throw new EvenkeelError("EK_SETTING_INVALID", "--fleet is missing (the fleet file)", {
      where: COMMAND.name,
      next: "name one, read the fleet from a cluster with --kubernetes, or serve the reverse proxy with --proxy-config",
    });
  // Started with a fleet that cannot be used there is no last good one to stay with: say so and end.
  readFleet(values.fleet);
  return { source: fileFleet(values.fleet, { log }) };
}
