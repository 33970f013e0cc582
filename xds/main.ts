import { EvenkeelError } from "../common/errors.ts";
import { LOG_LEVELS, logger, setLogLevel } from "../common/log.ts";
import { is, loadSettings } from "../common/settings.ts";
import { startControlPlane } from "./control-plane.ts";
import { fileFleet } from "./fleet/file/file-fleet.ts";

const COMMAND = {
  name: "evenkeel control-plane",
  summary: "Tells Envoy over xDS where the workers are and how to share the requests out, by the CPU that is free now.",
  settings: {
    fleet: {
      flag: "fleet",
      env: "EVENKEEL_FLEET",
      value: "FILE",
      parse: is.text,
      help: "the fleet file (YAML), read again when it changes",
    },
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
      help: "the console's port: /metrics, /healthz, /readyz, /fleet, /clients; 0: a free one",
    },
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
      default: "1s",
      help: "how often the Envoys report their load",
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
  const stopped = new Promise<string>((resolve) => {
    process.once("SIGTERM", resolve).once("SIGINT", resolve);
  });
  const source = fileFleet(values.fleet, { log });
  if (source.current() === undefined)
    // Started with a fleet that cannot be used there is no last good one to stay with: say so and end.
    throw new EvenkeelError("EK_FLEET_INVALID", source.fault() ?? "no fleet", {
      where: values.fleet,
      next: "mend it and start again",
    });
  const controlPlane = await startControlPlane({
    source,
    host: values.host,
    xdsPort: values.xdsPort,
    httpHost: values.httpHost,
    httpPort: values.httpPort,
    settleTimeoutMs: values.settleTimeout,
    loadReportIntervalMs: values.loadReportInterval,
    log,
  });
  const signal = await stopped;
  log.info({ signal }, "stopping");
  await controlPlane.stop();
  return 0;
}
