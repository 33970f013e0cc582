import { once } from "node:events";
import { logger, setLogLevel } from "../../common/log.ts";
import { loadSettings } from "../../common/settings.ts";
import { startScalerConsole } from "../../xds/scaler/console.ts";
import { addCapacityGauges } from "../../xds/scaler/metrics.ts";
import { openNodeFigures } from "../../xds/scaler/node-figures.ts";
import { type LeaderOptions, leadWhenElected } from "../lease.ts";
import { FIELD_MANAGER, startPostureController } from "./controller.ts";
import { postureMetrics } from "./metrics.ts";
import { POSTURE_CONTROLLER, type PostureControllerSettings } from "./settings.ts";

/**
 * `evenkeel posture controller`: runs until SIGTERM or SIGINT. Every replica tells of the nodes; the one that holds the
 * Lease changes them.
 * @returns the exit code
 * @throws EvenkeelError EK_USAGE, EK_SETTING_INVALID, EK_KUBE_CONFIG, EK_PORT_IN_USE
 */
export async function main(args: string[]): Promise<number> {
  const loaded = loadSettings(POSTURE_CONTROLLER, args);
  if (loaded.kind === "help") {
    process.stdout.write(loaded.text);
    return 0;
  }
  setLogLevel(loaded.values.logLevel);
  const ending = new AbortController();
  const onSignal = () => ending.abort();
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  try {
    await runPostureController(loaded.values, ending.signal);
    return 0;
  } finally {
    process.removeListener("SIGTERM", onSignal).removeListener("SIGINT", onSignal);
  }
}

/**
 * Runs one replica until the signal.
 * @param onHttp told the port of the HTTP side
 * @throws EvenkeelError EK_KUBE_CONFIG, EK_PORT_IN_USE
 */
export async function runPostureController(
  settings: PostureControllerSettings,
  signal: AbortSignal,
  onHttp: (port: number) => void = () => undefined,
): Promise<void> {
  const log = logger("posture");
  const figures = openNodeFigures(settings, log);
  const { client, cluster, capacity, sources } = figures;
  const metrics = postureMetrics();
  addCapacityGauges(metrics.registry, settings.metricName, capacity);
  try {
    const console = await startScalerConsole(
      {
        registry: metrics.registry,
        notReady: () => cluster.fault(settings.maxAge),
        views: { "/nodes": () => capacity.look(), "/sources": async () => sources.status() },
      },
      { host: settings.httpHost, port: settings.httpPort },
    );
    log.info({ server: client.server, httpPort: console.port, identity: settings.identity }, "started");
    onHttp(console.port);
    const lead = async (leading: AbortSignal) => {
      metrics.leader.set(1);
      await Promise.race([Promise.all([cluster.nodes.whenSynced, cluster.pods.whenSynced]), ended(leading)]);
      const controller = startPostureController({
        client,
        cluster,
        capacity,
        sources,
        assignSlots: settings.assignSlots,
        refreshMs: settings.refresh,
        identity: settings.identity,
        log,
        onChange: () => metrics.changes.inc(),
      });
      await ended(leading);
      await controller.stop();
      metrics.leader.set(0);
    };
    try {
      await leadWhenElected(leaderOptions(settings, client, log), signal, lead);
    } finally {
      await console.stop();
    }
  } finally {
    await figures.close();
  }
}

async function ended(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}

function leaderOptions(
  { leaseDuration, leaseName, namespace, identity }: PostureControllerSettings,
  client: LeaderOptions["client"],
  log: LeaderOptions["log"],
): LeaderOptions {
  return {
    client,
    log,
    namespace,
    identity,
    name: leaseName,
    durationMs: leaseDuration,
    renewDeadlineMs: (leaseDuration * 2) / 3,
    retryMs: leaseDuration / 8,
    fieldManager: FIELD_MANAGER,
  };
}
