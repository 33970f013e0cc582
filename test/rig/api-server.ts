import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Child, startChild } from "../../common/child.ts";
import { EvenkeelError } from "../../common/errors.ts";
import { freePorts } from "../../common/ports.ts";
import { temporaryFolder } from "../../common/temporary-folder.ts";
import type { Progress } from "./cache.ts";
import {
  apiServerArguments,
  apiUrl,
  type ControlPlanePlace,
  controllerManagerArguments,
  controlPlaneFiles,
  etcdArguments,
  prepareControlPlane,
} from "./control-plane.ts";
import { writeKubeconfig } from "./kubeconfig.ts";
import { findPrograms, type Programs } from "./programs/programs.ts";
import { isReady, waitUntil } from "./ready.ts";
import { run } from "./run.ts";

export interface ApiServerOptions {
  /** Name of the kubeconfig's context. */
  readonly name?: string;
  /** Also the controller manager: service accounts, garbage collection, Deployments (whose pods stay Pending), HPAs. */
  readonly controllerManager?: boolean;
  /** Is told about builds, which take minutes when a program is not in the cache yet. */
  readonly onProgress?: Progress;
}

/** A real etcd and API server on loopback, for tests: no nodes. RBAC is on; the kubeconfig is an admin's. */
export interface ApiServer {
  /** Path of a kubeconfig. */
  readonly kubeconfig: string;
  readonly url: string;
  /** Runs kubectl as the admin and gives its standard output. @throws EvenkeelError EK_CHILD_FAILED with what it complained of */
  kubectl(args: readonly string[], stdin?: string): Promise<string>;
  /** Writes a kubeconfig for a service account that exists, and gives its path: what a pod of that account may do. */
  kubeconfigFor(namespace: string, serviceAccount: string): Promise<string>;
  /** Ends the API server at once, as a crash would; etcd stays. Its clients lose their connections. */
  killApiServer(): Promise<void>;
  /** Ends the API server if it runs, starts it again at the same address with the same data, waits until it is ready. */
  restartApiServer(): Promise<void>;
  /** Ends everything and removes its files. Twice is fine. */
  stop(): Promise<void>;
}

/** How long the API server may take to be ready, in ms: seconds on an idle machine, more on a busy one. */
const READY_MS = 180_000;
/** How often new ports are tried when another program took one. */
const PORT_ATTEMPTS = 3;

/**
 * Starts an API server of its own for the caller. Several may run at once; each ends with the process that started it.
 * @throws EvenkeelError EK_PROGRAM_MISSING, EK_CHILD_FAILED with the last lines of what failed, EK_TIMEOUT
 */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const onProgress = options.onProgress ?? (() => undefined);
  const manager = options.controllerManager === true ? ["kube-controller-manager"] : [];
  const programs = await findPrograms(["etcd", "kube-apiserver", "kubectl", ...manager], onProgress);
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(options.name ?? "evenkeel", programs);
    } catch (error) {
      if (attempt === PORT_ATTEMPTS || !String(error).includes("address already in use")) throw error;
    }
  }
}

async function startOnce(name: string, programs: Programs): Promise<ApiServer> {
  const folder = await temporaryFolder("api");
  const [apiPort, etcdPort, etcdPeerPort] = (await freePorts(3)) as [number, number, number];
  const place: ControlPlanePlace = {
    folder,
    bindAddress: "127.0.0.1",
    advertiseAddress: "192.0.2.1",
    address: "127.0.0.1",
    apiPort,
    etcdPort,
    etcdPeerPort,
  };
  const children = new Map<string, Child>();
  const stop = async () => {
    // etcd last: the others write to the end.
    for (const child of [...children.values()].reverse()) await child.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  const start = async (program: string, args: readonly string[]) => {
    children.set(program, await startBound(programs[program] as string, args, program));
  };
  const startApi = async () => {
    await start("kube-apiserver", apiServerArguments(place));
    await waitForApi(place, children);
  };
  try {
    const starting = start("etcd", etcdArguments(place));
    const files = await prepareControlPlane(place, name);
    await starting;
    await startApi();
    if ("kube-controller-manager" in programs)
      await start("kube-controller-manager", controllerManagerArguments(place));
    const kubectl = (args: readonly string[], stdin?: string) =>
      run(programs.kubectl as string, ["--kubeconfig", files.kubeconfig, ...args], { ...(stdin && { stdin }) });
    return {
      kubeconfig: files.kubeconfig,
      url: apiUrl(place),
      kubectl,
      async kubeconfigFor(namespace, serviceAccount) {
        const token = (await kubectl(["create", "token", "--namespace", namespace, serviceAccount])).trim();
        const path = join(folder, `${namespace}.${serviceAccount}.kubeconfig`);
        writeKubeconfig(path, name, { url: apiUrl(place), ca: files.certificates.ca, token });
        return path;
      },
      killApiServer: () => kill(children.get("kube-apiserver")),
      async restartApiServer() {
        await children.get("kube-apiserver")?.stop();
        await startApi();
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Linux ends the program even when this process is killed and cannot do it itself: prctl(2), PR_SET_PDEATHSIG. */
function startBound(program: string, args: readonly string[], name: string): Promise<Child> {
  const setpriv = "/usr/bin/setpriv";
  return process.platform === "linux" && existsSync(setpriv)
    ? startChild(setpriv, ["--pdeathsig", "KILL", "--", program, ...args], { name })
    : startChild(program, args, { name });
}

async function waitForApi(place: ControlPlanePlace, children: ReadonlyMap<string, Child>): Promise<void> {
  let ended: Child | undefined;
  const watched = [...children.values()];
  for (const child of watched)
    void child.exited.then(() => {
      ended ??= child;
    });
  const { ca } = controlPlaneFiles(place).certificates;
  await waitUntil("the API server's readiness", async () => ended !== undefined || (await isReady(apiUrl(place), ca)), {
    timeoutMs: READY_MS,
    everyMs: 100,
  });
  if (ended !== undefined) throw endedEarly(ended);
}

function endedEarly(child: Child): EvenkeelError {
  const last = child.lastLines().slice(-5).join(" | ");
  return new EvenkeelError("EK_CHILD_FAILED", `${child.name} ended while it was to become ready: ${last}`);
}

async function kill(child: Child | undefined): Promise<void> {
  child?.signal("SIGKILL");
  await child?.exited;
}
