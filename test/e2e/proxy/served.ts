import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answers } from "../../../cli/demo/stack.ts";
import { freePorts } from "../../../common/ports.ts";
import type { LoggingChild } from "./log-lines.ts";
import { configText, replaceFile, startEvenkeel, type WrittenService } from "./process.ts";

const START_MS = 200_000;

/** A control plane that serves the reverse proxy, and the Envoys that ask it. */
export interface ServedProxy {
  readonly controlPlane: LoggingChild;
  /** Where the Envoys listen. */
  readonly port: number;
  readonly url: string;
  readonly xdsPort: number;
  readonly consoleUrl: string;
  /** Of the proxy's configuration. */
  readonly path: string;
  readonly folder: string;
  write(text: string): Promise<void>;
  writeServices(services: readonly WrittenService[]): Promise<void>;
  /** Starts `evenkeel envoy`, and waits until it serves. */
  startEnvoy(...args: readonly string[]): Promise<LoggingChild>;
  /** Starts the control plane again on the same ports, after it was ended. */
  restartControlPlane(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a control plane with these services, and waits until it is ready. */
export async function startServedProxy(
  services: readonly WrittenService[],
  args: (folder: string) => Promise<readonly string[]> = async () => [],
): Promise<ServedProxy> {
  const [port = 0, xdsPort = 0, httpPort = 0] = await freePorts(3);
  const folder = await mkdtemp(join(tmpdir(), "evenkeel-served-"));
  const path = join(folder, "config.yaml");
  const url = `http://127.0.0.1:${port}`;
  const consoleUrl = `http://127.0.0.1:${httpPort}`;
  const started: LoggingChild[] = [];
  const more = await args(folder);
  const startControlPlane = async () => {
    const controlPlane = await startEvenkeel("control-plane", [
      ...["--proxy-config", path, "--xds-port", `${xdsPort}`, "--http-port", `${httpPort}`, ...more],
    ]);
    started.push(controlPlane);
    await answers(controlPlane.child, `${consoleUrl}/readyz`, START_MS);
    return controlPlane;
  };
  const stop = async () => {
    for (const { child } of started.toReversed()) await child.stop(30_000);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await replaceFile(path, configText(port, services));
    const served = {
      controlPlane: await startControlPlane(),
      port,
      url,
      xdsPort,
      consoleUrl,
      path,
      folder,
      write: (text: string) => replaceFile(path, text),
      writeServices: (next: readonly WrittenService[]) => replaceFile(path, configText(port, next)),
      startEnvoy: async (...envoyArgs: readonly string[]) => {
        const xds = `127.0.0.1:${xdsPort}`;
        const envoy = await startEvenkeel("envoy", ["--xds", xds, "--concurrency", "1", ...envoyArgs]);
        started.push(envoy);
        await envoy.logged("Envoy runs", START_MS);
        await answers(envoy.child, `${url}/api/v2/_health_check`, START_MS);
        return envoy;
      },
      restartControlPlane: async () => {
        served.controlPlane = await startControlPlane();
      },
      stop,
    };
    return served;
  } catch (error) {
    await stop();
    throw error;
  }
}
