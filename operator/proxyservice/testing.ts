import { fileURLToPath } from "node:url";
import { type Child, startChild } from "../../common/child.ts";
import { createObject, getObject, patchStatus } from "../../common/kubernetes/apply.ts";
import { connectKubernetes, type KubeClient } from "../../common/kubernetes/client.ts";
import { listAll } from "../../common/kubernetes/list.ts";
import type { KubeObject } from "../../common/kubernetes/object.ts";
import { RESOURCES, type ResourceType } from "../../common/kubernetes/resource-type.ts";
import { loadSettings } from "../../common/settings.ts";
import { type ApiServer, startApiServer } from "../../test/rig/api-server.ts";
import { platformCache } from "../../test/rig/cache.ts";
import { established } from "../../test/rig/established.ts";
import { moduleFile } from "../../test/rig/programs/build.ts";
import { ISTIO_MODULE, RECIPES } from "../../test/rig/programs/recipes.ts";
import { OPERATOR, type OperatorSettings } from "../settings.ts";
import type { LiveObject } from "./takeover/observed.ts";

interface Pod extends KubeObject {
  readonly status?: { readonly podIP?: string };
}

const progress = (line: string) => void process.stderr.write(`rig: ${line}\n`);

/** A real API server with the operator's manifests, and what stands in for the kubelets that it does not have. */
export class TestCluster {
  readonly server: ApiServer;
  readonly client: KubeClient;
  /** Of the operator's own service account. */
  readonly kubeconfig: string;
  readonly #kubelet: NodeJS.Timeout;
  #nextAddress = 10;
  #busy = false;

  private constructor(server: ApiServer, kubeconfig: string) {
    this.server = server;
    this.kubeconfig = kubeconfig;
    this.client = connectKubernetes({ kubeconfig: server.kubeconfig, context: "" });
    this.#kubelet = setInterval(() => void this.#startPods(), 200);
  }

  static async start(): Promise<TestCluster> {
    const server = await startApiServer({ controllerManager: true, onProgress: progress });
    try {
      await server.kubectl(["apply", "-f", fileURLToPath(new URL("../../manifests/operator/", import.meta.url))]);
      await established(server, "proxyservices.msvcbench.io");
      // Its pods would never run here; the test starts the operator itself.
      await server.kubectl(["delete", "deployment", "--namespace=evenkeel", "proxy-service-operator"]);
      return new TestCluster(server, await server.kubeconfigFor("evenkeel", "proxy-service-account"));
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#kubelet);
    this.client.close();
    await this.server.stop();
  }

  async installIstio(): Promise<void> {
    const recipe = RECIPES.find(({ module }) => module === ISTIO_MODULE);
    if (recipe === undefined) throw new Error("the rig knows no Istio");
    const file = await moduleFile(recipe, "manifests/charts/base/files/crd-all.gen.yaml", platformCache());
    await this.server.kubectl(["apply", "--server-side", "-f", file]);
  }

  settings(...args: string[]): OperatorSettings {
    const loaded = loadSettings(OPERATOR, this.#args(args), {});
    if (loaded.kind === "help") throw new Error("no settings");
    return loaded.values;
  }

  /** Runs an operator as a process of its own, which can be killed. */
  async operator(...args: string[]): Promise<Child> {
    const main = JSON.stringify(new URL("../main.ts", import.meta.url).href);
    const code = `import { main } from ${main}; process.exitCode = await main(process.argv.slice(1));`;
    return startChild(process.execPath, ["--input-type=module", "-e", code, "--", ...this.#args(args)], {
      name: "operator",
    });
  }

  /** A namespace with two worker pods `app: s0`. */
  async namespace(name: string): Promise<void> {
    await createObject(this.client, { apiVersion: "v1", kind: "Namespace", metadata: { name } }, "test");
    for (const worker of ["s0-1", "s0-2"])
      await createObject(
        this.client,
        {
          apiVersion: "v1",
          kind: "Pod",
          metadata: { name: worker, namespace: name, labels: { app: "s0" } },
          ...{ spec: { containers: [{ name: "c", image: "i" }], automountServiceAccountToken: false } },
        },
        "test",
      );
  }

  apply(text: string): Promise<string> {
    return this.server.kubectl(["apply", "-f", "-"], text);
  }

  /** One line a fault: what `kubectl apply` was told. */
  async refusal(text: string): Promise<string> {
    try {
      return `taken: ${await this.apply(text)}`;
    } catch (error) {
      return String((error as Error).message);
    }
  }

  get<T extends KubeObject = LiveObject>(resource: ResourceType, namespace: string, name: string) {
    return getObject<T>(this.client, { resource, namespace, name });
  }

  #args(args: readonly string[]): string[] {
    const http = ["--http-host", "127.0.0.1", "--http-port", "0"];
    return ["--kubeconfig", this.kubeconfig, "--lease-namespace", "evenkeel", ...http, "--drain", "2s", ...args];
  }

  /** Plays the kubelets: every pod gets an address and is ready. */
  async #startPods(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      const { items } = await listAll<Pod>(this.client, { resource: RESOURCES.pods });
      for (const { metadata, status } of items) if (status?.podIP === undefined) await this.#startPod(metadata);
    } catch {
      // The API server is away, or the pod is; the next round sees.
    }
    this.#busy = false;
  }

  async #startPod({ namespace, name }: KubeObject["metadata"]): Promise<void> {
    this.#nextAddress += 1;
    const podIP = `10.1.${this.#nextAddress >> 8}.${this.#nextAddress & 255}`;
    const now = new Date().toISOString();
    const ready = { type: "Ready", status: "True", lastTransitionTime: now };
    const status = { phase: "Running", podIP, podIPs: [{ ip: podIP }], startTime: now, conditions: [ready] };
    await patchStatus(this.client, { resource: RESOURCES.pods, namespace, name }, status, "test");
  }
}
