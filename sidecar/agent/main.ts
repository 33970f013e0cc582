import { readFileSync } from "node:fs";
import type { Server as HttpServer } from "node:http";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { describeError, EvenkeelError } from "../../common/errors.ts";
import { type Logger, logger } from "../../common/log.ts";
import { loadSettings } from "../../common/settings.ts";
import { shutDownGrpc } from "../../common/shut-down-grpc.ts";
import { HealthService } from "../../proto/generated/grpc/health/v1/health.ts";
import { OpenRcaServiceService } from "../../proto/generated/xds/service/orca/v3/orca.ts";
import { healthService } from "./health-service.ts";
import { Measurement } from "./measurement.ts";
import { orcaService } from "./orca-service.ts";
import { ProcFiles } from "./proc-files.ts";
import { AGENT, type AgentSettings } from "./settings.ts";
import { targetOpener } from "./target.ts";

/** A client that vanished without a word is noticed after this long, and no longer measured for. */
const KEEPALIVE_MS = 20_000;
/** Streams never end by themselves: after this long a stop no longer waits for them. */
const STOP_MS = 500;

const nowMs = () => performance.now();

/**
 * The CPU agent: runs until SIGTERM or SIGINT, or until what it measures has ended (unless `--when-gone stay`).
 * A little of its memory is Node's reader of TypeScript: with NODE_COMPILE_CACHE set to a folder that keeps, later starts do without.
 * @returns the exit code
 * @throws EvenkeelError EK_USAGE, EK_SETTING_INVALID, EK_FILE_UNREADABLE, EK_PORT_IN_USE, EK_AGENT_TARGET_GONE
 */
export async function main(args: string[]): Promise<number> {
  const loaded = loadSettings(AGENT, args);
  if (loaded.kind === "help") {
    process.stdout.write(loaded.text);
    return 0;
  }
  const settings = loaded.values;
  const log = logger("agent");
  const credentials = credentialsOf(settings);
  const ended = Promise.withResolvers<void>();
  const measurement = new Measurement({
    open: targetOpener(new ProcFiles(), settings, process.pid, log),
    cpus: settings.cpus,
    intervalMs: settings.interval,
    nowMs,
    onGone: () => whenGone(settings, log, ended.reject),
  });
  const server = new Server({ "grpc.keepalive_time_ms": KEEPALIVE_MS, "grpc.keepalive_timeout_ms": KEEPALIVE_MS });
  server.addService(OpenRcaServiceService, orcaService(measurement, settings.interval, nowMs));
  server.addService(HealthService, healthService(measurement));
  let http: HttpServer | undefined;
  const onSignal = () => ended.resolve();
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  try {
    measurement.start();
    if (!measurement.present && isNamed(settings) && settings.whenGone === "exit") throw gone(settings);
    const port = await listen(server, settings, credentials);
    if (settings.healthPort !== undefined) http = await listenHttp(measurement, settings);
    log.info({ orcaPort: port, host: settings.host, healthPort: portOf(http) }, "listening");
    await ended.promise;
    return 0;
  } finally {
    process.removeListener("SIGTERM", onSignal).removeListener("SIGINT", onSignal);
    measurement.stop();
    http?.close();
    http?.closeAllConnections();
    await shutDownGrpc(server, STOP_MS);
  }
}

function whenGone(settings: AgentSettings, log: Logger, fail: (error: EvenkeelError) => void): void {
  if (!isNamed(settings)) return;
  if (settings.whenGone === "exit") fail(gone(settings));
  else log.warn(gone(settings).message);
}

/** Whether one process or cgroup is measured, which may end, and not whatever is there. */
function isNamed(settings: AgentSettings): boolean {
  return settings.pid !== undefined || settings.cgroup !== undefined;
}

function gone(settings: AgentSettings): EvenkeelError {
  const target = settings.pid === undefined ? `cgroup ${settings.cgroup}` : `process ${settings.pid}`;
  return new EvenkeelError("EK_AGENT_TARGET_GONE", `${target} has ended or never was`, {
    where: settings.pid === undefined ? "--cgroup" : "--pid",
  });
}

function credentialsOf(settings: AgentSettings): ServerCredentials {
  const { tlsCert, tlsKey, tlsCa } = settings;
  if (tlsCert === undefined && tlsKey === undefined && tlsCa === undefined) return ServerCredentials.createInsecure();
  if (tlsCert === undefined || tlsKey === undefined)
    throw new EvenkeelError("EK_SETTING_INVALID", "TLS needs both a certificate and its key", {
      where: "--tls-cert, --tls-key",
    });
  const pair = { cert_chain: readPem(tlsCert), private_key: readPem(tlsKey) };
  return ServerCredentials.createSsl(tlsCa === undefined ? null : readPem(tlsCa), [pair], tlsCa !== undefined);
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new EvenkeelError("EK_FILE_UNREADABLE", (cause as Error).message, { where: path, cause });
  }
}

function listen(server: Server, settings: AgentSettings, credentials: ServerCredentials): Promise<number> {
  const host = settings.host.includes(":") ? `[${settings.host}]` : settings.host;
  return new Promise((resolve, reject) => {
    server.bindAsync(`${host}:${settings.orcaPort}`, credentials, (error, port) => {
      if (error === null) resolve(port);
      else reject(listenError(error, "--orca-port", settings.host, settings.orcaPort));
    });
  });
}

/** The HTTP server is loaded only for who wants it. */
async function listenHttp(measurement: Measurement, settings: AgentSettings): Promise<HttpServer> {
  const { httpServer } = await import("./http.ts");
  const server = httpServer(measurement);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(listenError(error, "--health-port", settings.host, settings.healthPort ?? 0)),
    );
    server.listen(settings.healthPort, settings.host, resolve);
  });
  return server;
}

function listenError(error: Error, flag: string, host: string, port: number): EvenkeelError {
  const taken = error.message.includes("EADDRINUSE");
  return new EvenkeelError(
    taken ? "EK_PORT_IN_USE" : "EK_SETTING_INVALID",
    taken ? `port ${port} on ${host} is taken` : `cannot listen on ${host}:${port}: ${error.message}`,
    { where: flag, cause: error },
  );
}

function portOf(server: HttpServer | undefined): number | undefined {
  const address = server?.address();
  return typeof address === "object" ? address?.port : undefined;
}

if (import.meta.main) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    console.error(describeError(error));
    process.exitCode = 1;
  }
}
