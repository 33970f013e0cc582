import type { EvenkeelError } from "../../common/errors.ts";
import type { KubeClient } from "../../common/kubernetes/client.ts";
import { hasCode } from "../../common/kubernetes/failure.ts";
import { objectKey } from "../../common/kubernetes/object.ts";
import { apiVersionOf, RESOURCES, type ResourceType } from "../../common/kubernetes/resource-type.ts";
import { type Watched, watchAll } from "../../common/kubernetes/watch.ts";
import type { Logger } from "../../common/log.ts";
import type { XdsAccess } from "./desired/bootstrap.ts";
import type { EndpointSlice } from "./endpoints.ts";
import { OWNER_LABEL } from "./names.ts";
import type { ProxyService } from "./resource.ts";
import type { Service } from "./service.ts";
import type { LiveObject } from "./takeover/observed.ts";
import { takenBy } from "./takeover/original.ts";

/** Kinds that the operator makes, beside Services. */
const OWN_KINDS: readonly ResourceType[] = [
  RESOURCES.serviceAccounts,
  RESOURCES.roles,
  RESOURCES.roleBindings,
  RESOURCES.configMaps,
  RESOURCES.deployments,
  RESOURCES.horizontalPodAutoscalers,
  RESOURCES.podDisruptionBudgets,
];
const ISTIO_KINDS: readonly ResourceType[] = [
  RESOURCES.gateways,
  RESOURCES.virtualServices,
  RESOURCES.destinationRules,
  RESOURCES.envoyFilters,
];

export interface CacheOptions {
  readonly client: KubeClient;
  /** Empty: all namespaces. */
  readonly namespace: string;
  readonly xds: XdsAccess | undefined;
  readonly log: Logger;
  /** Called with `NAMESPACE/NAME` of a ProxyService that something happened to. */
  readonly onKey: (key: string) => void;
}

/** The state of the cluster as far as ProxyServices go, kept up to date by watches. */
export class Caches {
  readonly proxyServices: Watched<ProxyService>;
  readonly services: Watched<Service>;
  readonly #own: readonly Watched<LiveObject>[];
  readonly #istio: readonly Watched<LiveObject>[];
  readonly #controlPlane: Watched<EndpointSlice> | undefined;

  constructor(options: CacheOptions) {
    const { client, namespace, log, onKey } = options;
    const within = namespace === "" ? {} : { namespace };
    const watchOwn = (resource: ResourceType) => {
      const kinds = { apiVersion: apiVersionOf(resource), kind: resource.kind };
      const keep = (object: LiveObject): LiveObject => ({ ...object, ...kinds });
      return watchAll<LiveObject>(client, { resource, ...within }, { log, labelSelector: OWNER_LABEL, keep });
    };
    this.proxyServices = watchAll<ProxyService>(client, { resource: RESOURCES.proxyServices, ...within }, { log });
    this.services = watchAll<Service>(client, { resource: RESOURCES.services, ...within }, { log });
    this.#own = OWN_KINDS.map(watchOwn);
    this.#istio = ISTIO_KINDS.map(watchOwn);
    this.#controlPlane = watchControlPlane(options);
    this.proxyServices.subscribe({ onChange: ({ object }) => this.#keysOfRivals(object).forEach(onKey) });
    this.services.subscribe({ onChange: ({ object }) => this.#keysOfService(object).forEach(onKey) });
    for (const watched of [...this.#own, ...this.#istio])
      watched.subscribe({ onChange: ({ object }) => keysOfOwner(object).forEach(onKey) });
    for (const watched of this.#istio) watched.subscribe({ onState: () => this.keys().forEach(onKey) });
    this.#controlPlane?.subscribe({
      onChange: () => this.keys().forEach(onKey),
      onState: () => this.keys().forEach(onKey),
    });
  }

  /** All ProxyServices, and those that are gone and have left a Service that they took over. */
  keys(): string[] {
    const left = [...this.services.objects.values()].flatMap((service) => {
      const name = takenBy(service);
      return name === undefined ? [] : [objectKey({ namespace: service.metadata.namespace, name })];
    });
    return [...new Set([...this.proxyServices.objects.keys(), ...left])];
  }

  /** Are all first lists in? Missing APIs are not waited for: what needs them says so. */
  synced(): boolean {
    const needed = [
      this.proxyServices,
      this.services,
      ...this.#own,
      ...(this.#controlPlane ? [this.#controlPlane] : []),
    ];
    return (
      needed.every((watched) => watched.synced()) &&
      this.#istio.every((watched) => watched.synced() || isMissing(watched.fault()))
    );
  }

  /** Why the caches may be out of date; undefined when all is well. */
  fault(): EvenkeelError | undefined {
    return [this.proxyServices, this.services, ...this.#own]
      .map((watched) => watched.fault())
      .find((fault) => fault !== undefined);
  }

  /** What to install when Istio's APIs are missing. */
  missing(): string | undefined {
    const fault = this.#istio.map((watched) => watched.fault()).find(isMissing);
    return fault === undefined ? undefined : `Istio's APIs are missing: ${fault.next}, then wait half a minute`;
  }

  /** Objects that were made for a ProxyService. */
  ownedBy(namespace: string, name: string): LiveObject[] {
    const kind = { apiVersion: "v1", kind: "Service" };
    const services = [...this.services.objects.values()].map((service) => ({ ...service, ...kind }) as LiveObject);
    return [services, ...[...this.#own, ...this.#istio].map(({ objects }) => [...objects.values()])]
      .flat()
      .filter(({ metadata }) => metadata.namespace === namespace && metadata.labels?.[OWNER_LABEL] === name);
  }

  /** Does a control plane answer? One that is not a Service of this cluster is taken to. */
  controlPlaneAnswers(): boolean {
    if (this.#controlPlane === undefined) return true;
    return [...this.#controlPlane.objects.values()].some(({ endpoints }) =>
      (endpoints ?? []).some(({ conditions }) => conditions?.ready !== false),
    );
  }

  async close(): Promise<void> {
    const all = [this.proxyServices, this.services, this.#controlPlane, ...this.#own, ...this.#istio];
    await Promise.all(all.map((watched) => watched?.close()));
  }

  /** Whoever waits for a Service hears of the end of the one that has it. */
  #keysOfRivals({ metadata, spec }: ProxyService): string[] {
    const rivals = [...this.proxyServices.objects.values()].filter(
      (other) => other.metadata.namespace === metadata.namespace && other.spec.serviceName === spec.serviceName,
    );
    return [...new Set([metadata, ...rivals.map((other) => other.metadata)].map(objectKey))];
  }

  #keysOfService(service: Service): string[] {
    const { namespace, name } = service.metadata;
    const named = [...this.proxyServices.objects.values()]
      .filter(({ metadata }) => metadata.namespace === namespace)
      .filter(({ spec }) => [spec.serviceName, spec.target ?? `${spec.serviceName}-ep`].includes(name))
      .map(({ metadata }) => objectKey(metadata));
    const by = takenBy(service);
    const left = by === undefined ? [] : [objectKey({ namespace, name: by })];
    return [...new Set([...named, ...left, ...keysOfOwner(service)])];
  }
}

function keysOfOwner({ metadata }: { readonly metadata: LiveObject["metadata"] }): string[] {
  const name = metadata.labels?.[OWNER_LABEL];
  return name === undefined ? [] : [objectKey({ namespace: metadata.namespace, name })];
}

function isMissing(fault: EvenkeelError | undefined): fault is EvenkeelError {
  return hasCode(fault, "EK_KUBE_API_MISSING");
}

/** Its endpoints, when its address is a Service of the cluster: NAME.NAMESPACE.svc… */
function watchControlPlane({ client, xds, log }: CacheOptions): Watched<EndpointSlice> | undefined {
  const [, name, namespace] = /^([a-z0-9-]+)\.([a-z0-9-]+)\.svc(?:\.|$)/.exec(xds?.address ?? "") ?? [];
  if (name === undefined || namespace === undefined) return undefined;
  const labelSelector = `kubernetes.io/service-name=${name}`;
  return watchAll<EndpointSlice>(client, { resource: RESOURCES.endpointSlices, namespace }, { log, labelSelector });
}
