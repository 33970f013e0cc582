import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { type Child, startChild } from "../../common/child.ts";
import { EvenkeelError } from "../../common/errors.ts";
import { freePorts } from "../../common/ports.ts";
import { temporaryFolder } from "../../common/temporary-folder.ts";
import { bootstrap } from "../../sidecar/bootstrap/bootstrap.ts";
import { findEnvoy } from "../../sidecar/envoy/find.ts";
import { type RunningEnvoy, runEnvoy } from "../../sidecar/envoy/run.ts";

const EVENKEEL = join(import.meta.dirname, "..", "evenkeel.ts");
/** The cluster's name in the fleet file, as users of the earlier upload balancer know it. */
export const CLUSTER = "proxy-workers";

/** One worker with its agent. */
export interface StackWorker {
  readonly name: string;
  readonly port: number;
  readonly agentPort: number;
  /** `127.0.0.1:PORT`: its key in the fleet. */
  readonly key: string;
  worker: Child;
  agent: Child;
}

export interface StackOptions {
  readonly workers?: number;
  /** Extra flags for the control plane, the workers and the agents. */
  readonly controlPlaneArgs?: readonly string[];
  readonly workerArgs?: readonly string[];
  readonly agentArgs?: readonly string[];
  /** Which process tree the agent of each worker (by index) watches; absent: the worker's own. */
  readonly agentPid?: (index: number) => number;
  /** State-of-the-world instead of delta ADS. */
  readonly protocol?: "GRPC" | "DELTA_GRPC";
  readonly onProgress?: (line: string) => void;
  /** Gives up the start: what has been started is ended. */
  readonly signal?: AbortSignal;
}

/** The whole main job on loopback: control plane, workers with agents, Envoy in front. */
export interface Stack {
  readonly workers: readonly StackWorker[];
  readonly envoy: RunningEnvoy;
  /** The front door's URL, e.g. `http://127.0.0.1:40001`. */
  readonly url: string;
  /** The control plane's console, e.g. `http://127.0.0.1:40002`. */
  readonly consoleUrl: string;
  readonly xdsPort: number;
  readonly fleetFile: string;
  /** A place for the files of this run; gone after `stop`. */
  readonly directory: string;
  controlPlane: Child;
  /** Starts the control plane again on the same ports, after it was ended. */
  restartControlPlane(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts everything on free loopback ports and waits until Envoy serves the workers.
 * @throws EvenkeelError EK_PROGRAM_MISSING, EK_TIMEOUT, EK_CHILD_FAILED; the signal's reason, once all has ended
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const progress = options.onProgress ?? (() => {});
  const count = options.workers ?? 4;
  const { signal } = options;
  const binary = await findEnvoy({ onProgress: progress, signal });
  const directory = await temporaryFolder("stack");
  const children: Child[] = [];
  let envoy: RunningEnvoy | undefined;
  const stop = async () => {
    await envoy?.stop();
    await Promise.all(children.map((child) => child.stop()));
    await rm(directory, { recursive: true, force: true });
  };
  const evenkeel = async (name: string, args: readonly string[]) => {
    const child = await startChild(process.execPath, [EVENKEEL, ...args], { name });
    children.push(child);
    return child;
  };
  // Whatever is waited for in the start ends with the programs.
  const onAbort = () => void stop();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    const [doorPort = 0, xdsPort = 0, consolePort = 0, ...ports] = await freePorts(3 + 2 * count);
    progress(`starting ${count} workers with their agents, the control plane and Envoy`);
    const workers = await Promise.all(
      Array.from({ length: count }, (_, index) =>
        startWorker(evenkeel, index, ports[2 * index] ?? 0, ports[2 * index + 1] ?? 0, options),
      ),
    );
    const fleetFile = join(directory, "fleet.yaml");
    await writeFile(fleetFile, stringify(fleet(workers, doorPort)));
    const consoleUrl = `http://127.0.0.1:${consolePort}`;
    const startControlPlane = () =>
      evenkeel("control-plane", [
        ...["control-plane", "--host", "127.0.0.1", "--xds-port", String(xdsPort), "--http-port", String(consolePort)],
        ...["--fleet", fleetFile, ...(options.controlPlaneArgs ?? [])],
      ]);
    const controlPlane = await startControlPlane();
    signal?.throwIfAborted();
    await Promise.all(workers.map(({ worker, port }) => answers(worker, `http://127.0.0.1:${port}/readyz`)));
    await answers(controlPlane, `${consoleUrl}/readyz`);
    envoy = await runEnvoy({
      binary,
      name: "envoy",
      config: bootstrap({
        nodeId: "demo-envoy",
        nodeCluster: "demo",
        xds: [{ address: "127.0.0.1", port: xdsPort }],
        protocol: options.protocol ?? "DELTA_GRPC",
      }),
    });
    signal?.throwIfAborted();
    await envoy.ready();
    const url = `http://127.0.0.1:${doorPort}`;
    await answers(envoy.child, `${url}/healthz`);
    const stack: Stack = {
      workers,
      envoy,
      url,
      consoleUrl,
      xdsPort,
      fleetFile,
      directory,
      controlPlane,
      async restartControlPlane() {
        stack.controlPlane = await startControlPlane();
        await answers(stack.controlPlane, `${consoleUrl}/readyz`);
      },
      stop,
    };
    return stack;
  } catch (error) {
    // Again: what was just being started when the signal came was not there to be stopped.
    await stop();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

async function startWorker(
  evenkeel: (name: string, args: readonly string[]) => Promise<Child>,
  index: number,
  port: number,
  agentPort: number,
  options: StackOptions,
): Promise<StackWorker> {
  const name = `worker-${index + 1}`;
  const worker = await evenkeel(name, [
    ...["worker", "--host", "127.0.0.1", "--port", String(port), ...(options.workerArgs ?? [])],
  ]);
  // Each worker counts as one with a CPU of its own, as a pod with a limit of 1 would.
  const agent = await evenkeel(`${name}-agent`, [
    ...["agent", "--host", "127.0.0.1", "--orca-port", String(agentPort), "--cpus", "1"],
    ...["--pid", String(options.agentPid?.(index) ?? worker.pid), ...(options.agentArgs ?? [])],
  ]);
  return { name, port, agentPort, key: `127.0.0.1:${port}`, worker, agent };
}

function fleet(workers: readonly StackWorker[], doorPort: number): object {
  return {
    clusters: [
      {
        name: CLUSTER,
        healthCheck: "/readyz",
        endpoints: workers.map(({ port, agentPort }) => ({
          address: "127.0.0.1",
          port,
          agent: `127.0.0.1:${agentPort}`,
        })),
      },
    ],
    listeners: [
      {
        name: "front-door",
        address: "127.0.0.1",
        port: doorPort,
        maxRequestBytes: "64MiB",
        routes: [{ prefix: "/", cluster: CLUSTER, timeout: "200s" }],
      },
    ],
  };
}

/** How long the parts may take to start; 10 programs at once on a small machine need some. */
const START_TIMEOUT_MS = 90_000;

/** Waits until a URL answers 200. Fails at once when the program behind it has ended. */
export async function answers(child: Child, url: string, timeoutMs = START_TIMEOUT_MS): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  let ended: { code: number | null } | undefined;
  child.exited.then((exit) => {
    ended = exit;
  });
  let last = "no answer";
  while (Date.now() < deadline) {
    if (ended !== undefined)
      throw new EvenkeelError(
        "EK_CHILD_FAILED",
        `${child.name} ended (${ended.code}): ${child.lastLines().join(" | ")}`,
      );
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
      await response.arrayBuffer();
      if (response.ok) return;
      last = `HTTP ${response.status}`;
    } catch (error) {
      last = (error as Error).message;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new EvenkeelError("EK_TIMEOUT", `${child.name} did not answer in ${timeoutMs} ms (${last})`, { where: url });
}
