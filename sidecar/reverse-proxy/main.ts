import { existsSync } from "node:fs";
import { EvenkeelError } from "../../common/errors.ts";
import { logger } from "../../common/log.ts";
import { progressToStderr } from "../../common/program/progress.ts";
import { loadSettings, type Values } from "../../common/settings.ts";
import { findEnvoy } from "../envoy/find.ts";
import { untilSignal } from "../envoy/until-signal.ts";
import { hostAndPort } from "./config.ts";
import { followConfig } from "./follow.ts";
import { requireFree } from "./free-port.ts";
import { NameWatch } from "./names.ts";
import { type RunningProxy, startProxy } from "./proxy.ts";
import { DEFAULT_CONFIG_FILE, PROXY, type ProxySettings } from "./settings.ts";
import { systemCaFile } from "./tls.ts";

/** An Envoy that has left a port lets go of it a little later. */
const LEAVING_MS = 2000;

/**
 * `evenkeel proxy`: runs until SIGTERM or SIGINT, then lets requests under way finish; a second signal ends it at once.
 * @returns the exit code
 * @throws EvenkeelError as the settings, the configuration file and {@link startProxy} do; EK_PORT_IN_USE;
 *   EK_CHILD_FAILED when Envoy ends by itself
 */
export async function main(args: string[]): Promise<number> {
  const loaded = loadSettings(PROXY, args);
  if (loaded.kind === "help") {
    process.stdout.write(loaded.text);
    return 0;
  }
  const { values } = loaded;
  const path = configPath(values);
  const caFile = requireCaFile(values.caFile);
  const log = logger("proxy");
  const names = new NameWatch(log);
  const started = Promise.withResolvers<void>();
  let proxy: RunningProxy | undefined;
  const follower = followConfig(path, {
    log,
    apply: async (next, before) => {
      // An edit while Envoy starts is taken as soon as it runs.
      await started.promise;
      // Another address of the same port overlaps with our own listener; Envoy itself says whether it can have that one.
      if (next.listen.port !== before.listen.port) await requireFree(next.listen, path, LEAVING_MS);
      await proxy?.update(next);
      void names.check(next);
    },
  });
  try {
    const config = follower.current();
    await requireFree(config.listen, path);
    proxy = await startProxy(config, {
      log,
      caFile,
      accessLog: values.accessLog,
      binary: await findEnvoy({ onProgress: progressToStderr }),
      adminPort: values.adminPort,
      maxHeapBytes: values.maxHeap,
      envoyLogLevel: values.envoyLogLevel,
      ...(values.concurrency === 0 ? {} : { concurrency: values.concurrency }),
      onLine: (line, stream) => void process[stream].write(`${line}\n`),
    });
    const { pid } = proxy.envoy.child;
    const services = config.services.length;
    log.info({ listen: hostAndPort(config.listen), services, pid, adminPort: proxy.envoy.adminPort }, "serving");
    started.resolve();
    void names.check(config);
    return await untilSignal(proxy.envoy, values.drainTimeout, log);
  } finally {
    follower.close();
    started.resolve();
    names.close();
    await proxy?.stop();
  }
}

function configPath(values: Values<ProxySettings>): string {
  const { configFile, config } = values;
  if (configFile !== "" && config !== "" && configFile !== config)
    throw new EvenkeelError("EK_SETTING_INVALID", "--config-file and --config name two files", {
      where: PROXY.name,
      next: "give one of them",
    });
  return configFile || config || DEFAULT_CONFIG_FILE;
}

function requireCaFile(given: string): string {
  const path = given || systemCaFile();
  if (path === undefined)
    throw new EvenkeelError("EK_SETTING_INVALID", "this system keeps its trusted authorities in no usual file", {
      where: "--ca-file",
      next: "install the ca-certificates package, or name a PEM file by --ca-file",
    });
  if (!existsSync(path))
    throw new EvenkeelError("EK_FILE_UNREADABLE", "the authorities' file is not there", { where: path });
  return path;
}
