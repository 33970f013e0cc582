import { readdirSync, readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { stringify } from "yaml";
import { EvenkeelError } from "../../common/errors.ts";
import type { Desired } from "../../common/kubernetes/apply.ts";
import {
  createObject,
  deleteObject,
  getObject,
  mergePatch,
  patchStatus,
  targetOf,
} from "../../common/kubernetes/apply.ts";
import { connectKubernetes, type KubeClient } from "../../common/kubernetes/client.ts";
import { hasCode } from "../../common/kubernetes/failure.ts";
import type { KubeObject } from "../../common/kubernetes/object.ts";
import { RESOURCES, type ResourceType, type Target } from "../../common/kubernetes/resource-type.ts";
import { type ApiServer, startApiServer } from "../../test/rig/api-server.ts";
import { platformCache } from "../../test/rig/cache.ts";
import { moduleFile } from "../../test/rig/programs/build.ts";
import { ISTIO_MODULE, KEDA_MODULE, RECIPES } from "../../test/rig/programs/recipes.ts";
import { waitUntil } from "../../test/rig/ready.ts";
import type { Examination } from "./check.ts";
import { examineCluster } from "./main.ts";

const ROOT = join(import.meta.dirname, "../..");
const MANAGER = "test";

/** What pods answer over HTTP: bodies by `NAMESPACE/POD:PORT/PATH`. */
export type PodAnswers = Map<string, string>;

/**
 * A real API server with an account that has manifests/doctor/role.yaml and no more. It has no nodes, so that pods answer
 * here: requests to `pods/proxy` go to a server of the test, all others are real.
 */
export class ClusterUnderTest {
  readonly server: ApiServer;
  readonly admin: KubeClient;
  readonly answers: PodAnswers = new Map();
  readonly #doctor: KubeClient;
  readonly #pods: Server;

  private constructor(server: ApiServer, doctor: KubeClient, pods: Server) {
    this.server = server;
    this.admin = connectKubernetes({ kubeconfig: server.kubeconfig, context: "" });
    this.#doctor = doctor;
    this.#pods = pods;
    pods.on("request", (asked, response) => {
      const body = this.answers.get((asked.url ?? "").slice(1));
      response.writeHead(body === undefined ? 503 : 200).end(body ?? "nothing answers there");
    });
  }

  static async start(): Promise<ClusterUnderTest> {
    const server = await startApiServer({ onProgress: (line) => process.stderr.write(`rig: ${line}\n`) });
    try {
      await server.kubectl(["apply", "-f", join(ROOT, "manifests/doctor/role.yaml")]);
      await server.kubectl(["create", "namespace", "who"]);
      await server.kubectl(["create", "serviceaccount", "doctor", "-n", "who"]);
      const binding = ["create", "clusterrolebinding", "doctor", "--clusterrole=evenkeel-doctor"];
      await server.kubectl([...binding, "--serviceaccount=who:doctor"]);
      const client = connectKubernetes({ kubeconfig: await server.kubeconfigFor("who", "doctor"), context: "" });
      const pods = createServer();
      await new Promise<void>((listening) => pods.listen(0, "127.0.0.1", listening));
      return new ClusterUnderTest(server, withPods(client, (pods.address() as AddressInfo).port), pods);
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#doctor.close();
    this.admin.close();
    this.#pods.closeAllConnections();
    this.#pods.close();
    await this.server.stop();
  }

  /** The kinds of Istio, KEDA and our own, from their own definitions. */
  async installKinds(): Promise<void> {
    const files = [
      await moduleOf(ISTIO_MODULE, "manifests/charts/base/files/crd-all.gen.yaml"),
      ...readdirSync(await moduleOf(KEDA_MODULE, "config/crd/bases")).map(async (name) =>
        join(await moduleOf(KEDA_MODULE, "config/crd/bases"), name),
      ),
      join(ROOT, "manifests/operator/crd.yaml"),
    ];
    const texts = (await Promise.all(files)).map((file) => readFileSync(file, "utf8"));
    // Something that serves the kind is all that a metrics API is here.
    texts.push(stringify(METRICS_KIND));
    await this.server.kubectl(["apply", "--server-side", "-f", "-"], texts.join("\n---\n"));
    const { gateways, envoyFilters, scaledJobs, scaledObjects, proxyServices, nodeMetrics } = RESOURCES;
    for (const kind of [gateways, envoyFilters, scaledJobs, scaledObjects, proxyServices, nodeMetrics])
      await this.whenServed(kind, true);
  }

  /** Waits until a kind can be listed, or no longer can: a definition that is established may not be served yet. */
  async whenServed(resource: ResourceType, served: boolean): Promise<void> {
    await waitUntil(
      `${resource.plural} served: ${served}`,
      async () => {
        try {
          await this.admin.json({ verb: "list", target: { resource } });
          return served;
        } catch (error) {
          return !served && hasCode(error, "EK_KUBE_API_MISSING");
        }
      },
      { timeoutMs: 180_000, everyMs: 100 },
    );
  }

  /** Creates an object, and its status when it has one. */
  async create(object: Desired & { readonly status?: object }): Promise<void> {
    const { status, ...rest } = object;
    await createObject(this.admin, rest, MANAGER);
    if (status !== undefined) await patchStatus(this.admin, targetOf(object), status, MANAGER);
  }

  /** Changes an object. @returns what undoes it */
  async patch(target: Target, patch: object): Promise<() => Promise<void>> {
    const before = await this.#read(target);
    await mergePatch(this.admin, target, patch, MANAGER);
    return async () => {
      await mergePatch(this.admin, target, undoing(patch, before) as object, MANAGER);
    };
  }

  /** Changes an object's status. @returns what undoes it */
  patchStatus(target: Target, status: object): Promise<() => Promise<void>> {
    return this.patch({ ...target, subresource: "status" }, { status });
  }

  /** Deletes an object. @returns what makes it again */
  async delete(target: Target): Promise<() => Promise<void>> {
    const before = (await this.#read(target)) as unknown as Desired & { readonly status?: object };
    await deleteObject(this.admin, target);
    const { resourceVersion: _, uid: __, creationTimestamp: ___, ...metadata } = before.metadata as Desired["metadata"];
    return () => this.create({ ...before, metadata });
  }

  /** Changes what a pod answers. @returns what undoes it */
  answer(place: string, body: string | undefined): () => Promise<void> {
    const before = this.answers.get(place);
    const set = (text: string | undefined) => {
      if (text === undefined) this.answers.delete(place);
      else this.answers.set(place, text);
    };
    set(body);
    return async () => set(before);
  }

  examine(namespace = "", client = this.#doctor): Promise<Examination> {
    const rest = { systemNamespace: "evenkeel", istioNamespace: "istio-system", consoleUrl: "" };
    return examineCluster(client, { namespace, ...rest });
  }

  async #read(target: Target): Promise<KubeObject> {
    const found = await getObject<KubeObject>(this.admin, { ...target, subresource: undefined });
    if (found === undefined) throw new Error(`${target.resource.kind} ${target.name} is not there`);
    return found;
  }
}

const METRICS_KIND = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: {
    name: "nodes.metrics.k8s.io",
    annotations: { "api-approved.kubernetes.io": "unapproved, stands in for a metrics-server in a test" },
  },
  spec: {
    group: "metrics.k8s.io",
    scope: "Cluster",
    names: { plural: "nodes", singular: "node", kind: "NodeMetrics" },
    versions: [{ name: "v1beta1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
  },
};

async function moduleOf(module: string, file: string): Promise<string> {
  const recipe = RECIPES.find((each) => each.module === module);
  if (recipe === undefined) throw new Error(`the rig knows no ${module}`);
  return moduleFile(recipe, file, platformCache());
}

/** A client whose requests to pods reach a server on loopback. */
function withPods(client: KubeClient, port: number): KubeClient {
  return {
    ...client,
    stream(asked) {
      const { target } = asked;
      if ("path" in target || !target.subresource?.startsWith("proxy/")) return client.stream(asked);
      const path = `${target.namespace}/${target.name}/${target.subresource.slice("proxy/".length)}`;
      return get(port, path);
    },
  };
}

async function get(port: number, path: string): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request({ port, host: "127.0.0.1", path: `/${path}` }, resolve)
    .on("error", reject)
    .end();
  const response = await promise;
  // As the API server says it of a pod that refuses the connection.
  if (response.statusCode !== 200) throw new EvenkeelError("EK_KUBE_FAILED", "error trying to reach service");
  return response;
}

/** The merge patch that takes back what another one changed: what was not there before goes. */
function undoing(patch: unknown, before: unknown): unknown {
  if (!isMap(patch) || !isMap(before)) return before ?? null;
  return Object.fromEntries(Object.entries(patch).map(([key, value]) => [key, undoing(value, before[key])]));
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
