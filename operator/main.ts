import { once } from "node:events";
import { connectKubernetes } from "../common/kubernetes/client.ts";
import { logger } from "../common/log.ts";
import { loadSettings } from "../common/settings.ts";
import { serveHttp } from "./http.ts";
import { leadWhenElected } from "./lease.ts";
import { operatorMetrics } from "./metrics.ts";
import { type Controller, startController } from "./proxyservice/controller.ts";
import { FIELD_MANAGER } from "./proxyservice/names.ts";
import { OPERATOR, type OperatorSettings, xdsAccessOf } from "./settings.ts";

/** A lease that was given up is found at least this soon, in ms. */
const LONGEST_RETRY_MS = 2000;

/**
 * The operator: runs until SIGTERM or SIGINT. Of several replicas the one that holds the Lease acts, the others wait.
 * @returns the exit code
 * @throws EvenkeelError EK_USAGE, EK_SETTING_INVALID, EK_KUBE_CONFIG, EK_PORT_IN_USE
 */
export async function main(args: string[]): Promise<number> {
  const loaded = loadSettings(OPERATOR, args);
  if (loaded.kind === "help") {
    process.stdout.write(loaded.text);
    return 0;
  }
  const ending = new AbortController();
  const onSignal = () => ending.abort();
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  try {
    await runOperator(loaded.values, ending.signal);
    return 0;
  } finally {
    process.removeListener("SIGTERM", onSignal).removeListener("SIGINT", onSignal);
  }
}

/** Runs one replica until the signal. @throws EvenkeelError EK_KUBE_CONFIG, EK_PORT_IN_USE */
export async function runOperator(settings: OperatorSettings, signal: AbortSignal): Promise<void> {
  const log = logger("operator");
  const client = connectKubernetes(settings);
  const metrics = operatorMetrics();
  let controller: Controller | undefined;
  // A replica that waits is as ready as one can be: it takes over when the other goes.
  const notReady = () => controller?.fault();
  const http = await serveHttp({ host: settings.host, port: settings.port, registry: metrics.registry, notReady });
  log.info({ server: client.server, httpPort: http.port, identity: settings.identity }, "started");
  const lead = async (leading: AbortSignal) => {
    metrics.leader.set(1);
    controller = startController({
      client,
      namespace: settings.namespace,
      xds: xdsAccessOf(settings),
      clusterDomain: settings.clusterDomain,
      drainMs: settings.drain,
      workers: settings.workers,
      resyncMs: settings.resync,
      identity: settings.identity,
      log,
      metrics,
    });
    if (!leading.aborted) await once(leading, "abort");
    await controller.stop();
    controller = undefined;
    metrics.leader.set(0);
  };
  try {
    await leadWhenElected(leaderOptions(settings, client, log), signal, lead);
  } finally {
    await http.close();
    client.close();
  }
}

function leaderOptions(
  settings: OperatorSettings,
  client: ReturnType<typeof connectKubernetes>,
  log: ReturnType<typeof logger>,
) {
  const durationMs = settings.leaseDuration;
  return {
    client,
    log,
    namespace: settings.leaseNamespace || client.namespace,
    name: settings.leaseName,
    identity: settings.identity,
    durationMs,
    renewDeadlineMs: (durationMs * 2) / 3,
    retryMs: Math.min(durationMs / 8, LONGEST_RETRY_MS),
    fieldManager: FIELD_MANAGER,
  };
}
