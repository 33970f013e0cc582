import { getObject } from "../../common/kubernetes/apply.ts";
import type { KubeClient } from "../../common/kubernetes/client.ts";
import { hasCode } from "../../common/kubernetes/failure.ts";
import { listAll } from "../../common/kubernetes/list.ts";
import type { KubeObject } from "../../common/kubernetes/object.ts";
import { RESOURCES, type ResourceType } from "../../common/kubernetes/resource-type.ts";
import type { ProxyService } from "../../operator/proxyservice/resource.ts";
import { type Answer, aheadOf, bodyOf } from "./answer.ts";
import { type Console, readConsoles } from "./console.ts";
import { type Installation, installationOf } from "./installation.ts";
import type { Controller, Pod, Service } from "./objects.ts";

/** Where to look. */
export interface Scope {
  /** Workloads of this namespace only; empty: of all. */
  readonly namespace: string;
  /** Where control plane and operator are. */
  readonly systemNamespace: string;
  readonly istioNamespace: string;
  /** The control plane's console at an address of its own; empty: through the API server. */
  readonly consoleUrl: string;
}

/** Time for a pod's answer, in ms. */
const ASK_MS = 10_000;
const LOG_LINES = 5;

/** Reads the cluster, each list once, however many checks want it. Failures are EvenkeelErrors EK_KUBE_…. */
export class Look {
  readonly client: KubeClient;
  readonly scope: Scope;
  /** How far the API server's clock is ahead of ours, in ms; negative: behind. */
  readonly apiAheadMs: number;
  readonly #reads = new Map<string, Promise<unknown>>();

  constructor(client: KubeClient, scope: Scope, apiAheadMs: number) {
    this.client = client;
    this.scope = scope;
    this.apiAheadMs = apiAheadMs;
  }

  /** The cluster's own time, in ms since 1970: what objects' times are compared with. */
  get nowMs(): number {
    return Date.now() + this.apiAheadMs;
  }

  /** The namespaces that are looked at; undefined: all. */
  get namespaces(): ReadonlySet<string> | undefined {
    const { namespace, systemNamespace, istioNamespace } = this.scope;
    return namespace === "" ? undefined : new Set([namespace, systemNamespace, istioNamespace]);
  }

  /** All objects of a kind in the scope. */
  list<T extends KubeObject>(resource: ResourceType): Promise<readonly T[]> {
    const scoped = resource.namespaced ? this.namespaces : undefined;
    const namespaces = scoped === undefined ? [undefined] : [...scoped];
    return this.#once(`list ${resource.group} ${resource.plural}`, async () => {
      const lists = namespaces.map((each) => listAll<T>(this.client, { resource, namespace: each }));
      return (await Promise.all(lists)).flatMap(({ items }) => items);
    });
  }

  /** {@link list}; undefined when the cluster does not serve the kind. */
  async listIfServed<T extends KubeObject>(resource: ResourceType): Promise<readonly T[] | undefined> {
    try {
      return await this.list<T>(resource);
    } catch (error) {
      if (hasCode(error, "EK_KUBE_API_MISSING")) return undefined;
      throw error;
    }
  }

  get<T extends KubeObject>(resource: ResourceType, namespace: string, name: string): Promise<T | undefined> {
    return this.#once(`get ${resource.plural} ${namespace}/${name}`, () =>
      getObject<T>(this.client, { resource, namespace, name }),
    );
  }

  installation(): Promise<Installation> {
    return this.#once("installation", async () => {
      const [deployments, statefulSets, pods, services, proxyServices] = await Promise.all([
        this.list<Controller>(RESOURCES.deployments),
        this.list<Controller>(RESOURCES.statefulSets),
        this.list<Pod>(RESOURCES.pods),
        this.list<Service>(RESOURCES.services),
        this.listIfServed<ProxyService>(RESOURCES.proxyServices),
      ]);
      const { systemNamespace } = this.scope;
      return installationOf({
        deployments,
        statefulSets,
        pods,
        services,
        proxyServices: proxyServices ?? [],
        systemNamespace,
      });
    });
  }

  /** What the consoles of all control plane pods show. */
  consoles(): Promise<readonly Console[]> {
    return this.#once("consoles", () => readConsoles(this));
  }

  /** The last lines that a container wrote, of its run before this one when there is one; none when they cannot be read. */
  async lastLines({ metadata }: Pod, container: string): Promise<readonly string[]> {
    for (const previous of ["true", "false"])
      try {
        const text = await this.client.text({
          verb: "get",
          target: { resource: RESOURCES.pods, namespace: metadata.namespace, name: metadata.name, subresource: "log" },
          query: { container, previous, tailLines: String(LOG_LINES) },
          timeoutMs: ASK_MS,
        });
        if (text.trim() !== "") return text.trimEnd().split("\n");
      } catch (error) {
        // There was no run before, or no kubelet answers: a log is worth no failure of the check.
        if (hasCode(error, "EK_KUBE_FORBIDDEN")) throw error;
      }
    return [];
  }

  /** Asks an HTTP server in a pod, through the API server. @param path e.g. `/fleet` */
  ask({ metadata }: Pod, port: number, path: string): Promise<Answer> {
    const name = `${metadata.name}:${port}`;
    return this.#once(`ask ${metadata.namespace}/${name}${path}`, async () => {
      const askedMs = Date.now();
      const asked = {
        verb: "get",
        target: { resource: RESOURCES.pods, namespace: metadata.namespace, name, subresource: `proxy${path}` },
        server: this.client.server,
      } as const;
      const { verb, target } = asked;
      const response = await this.client.stream({ verb, target, signal: AbortSignal.timeout(ASK_MS) });
      const aheadMs = aheadOf(response.headers.date, askedMs, Date.now());
      return { body: await bodyOf(response, asked), aheadMs };
    });
  }

  #once<T>(key: string, read: () => Promise<T>): Promise<T> {
    const known = this.#reads.get(key) as Promise<T> | undefined;
    if (known !== undefined) return known;
    const reading = read();
    this.#reads.set(key, reading);
    return reading;
  }
}
