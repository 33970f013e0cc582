import { isDeepStrictEqual } from "node:util";
import { hasCode } from "../../../common/kubernetes/failure.ts";
import type { ObjectMeta } from "../../../common/kubernetes/object.ts";
import type { StoreChange } from "../../../common/kubernetes/object-store.ts";
import { Listeners } from "../../../common/listeners.ts";
import type { Cluster, Fleet, FleetSource } from "../fleet.ts";
import { keepIdentity } from "../keep-identity.ts";
import { type EndpointSlice, serviceOfSlice } from "./objects.ts";
import { parseIstioClusterName, type ServiceReference } from "./service-reference.ts";
import { SliceIndex } from "./slice-index.ts";
import { subsetLabels } from "./subsets.ts";
import { clusterOf, podsOf } from "./translate.ts";
import { faultOf, isSettled, type KubernetesWatches } from "./watches.ts";

/** A fleet out of Kubernetes that holds the clusters that are asked for. */
export interface KubernetesFleet extends FleetSource {
  /** Somebody wants this cluster (a name as Istio gives it); names of other kinds are passed over. */
  request(name: string): void;
  /** Nobody wants it any more. It stays for a while, for who comes back. */
  release(name: string): void;
  /** Makes exactly these clusters be there besides those that are asked for. */
  setServices(services: ReadonlyMap<string, ServiceReference>): void;
}

export interface KubernetesFleetOptions {
  /** Not closed by the fleet: signals use them too. */
  readonly watches: KubernetesWatches;
  /** Clusters that are always there, by name. */
  readonly services?: ReadonlyMap<string, ServiceReference>;
  /** How long a released cluster stays, in ms: an Envoy that reconnects finds it as it was. */
  readonly lingerMs?: number;
}

const LINGER_MS = 60_000;

/** The fleet is undefined until the cluster has been read once. */
export function kubernetesFleet(options: KubernetesFleetOptions): KubernetesFleet {
  return new Source(options.watches, options.services ?? new Map(), options.lingerMs ?? LINGER_MS);
}

/** A cluster that is wanted. */
interface Wanted {
  readonly reference: ServiceReference;
  /** Its pods, ready or not, as of the last translation. */
  pods: ReadonlySet<string>;
}

class Source implements KubernetesFleet {
  readonly #watches: KubernetesWatches;
  readonly #lingerMs: number;
  readonly #slices = new SliceIndex();
  readonly #wanted = new Map<string, Wanted>();
  readonly #requested = new Set<string>();
  readonly #lingering = new Map<string, NodeJS.Timeout>();
  readonly #listeners = new Listeners();
  readonly #unsubscribe: readonly (() => void)[];
  #services: ReadonlyMap<string, ServiceReference>;
  /** Clusters whose objects changed since the last look. */
  readonly #dirty = new Set<string>();
  #scheduled: NodeJS.Immediate | undefined;
  #fleet: Fleet | undefined;
  #fault: string | undefined;

  constructor(watches: KubernetesWatches, services: ReadonlyMap<string, ServiceReference>, lingerMs: number) {
    this.#watches = watches;
    this.#services = services;
    this.#lingerMs = lingerMs;
    for (const [name, reference] of services) this.#want(name, reference);
    for (const slice of watches.slices.objects.values()) this.#slices.put(slice);
    const onState = () => this.#schedule();
    this.#unsubscribe = [
      watches.slices.subscribe({ onState, onChange: (change) => this.#onSlice(change) }),
      watches.services.subscribe({ onState, onChange: ({ key }) => this.#onService(key) }),
      watches.pods.subscribe({ onState: () => this.#onPodsState(), onChange: (change) => this.#onPod(change) }),
      watches.nodes.subscribe({ onState, onChange: (change) => this.#onNode(change) }),
      watches.destinationRules.subscribe({ onState, onChange: () => this.#markWhere(({ subset }) => subset !== "") }),
    ];
    this.#schedule();
  }

  current(): Fleet | undefined {
    return this.#fleet;
  }

  makes(name: string): boolean {
    return parseIstioClusterName(name) !== undefined;
  }

  fault(): string | undefined {
    return this.#fault;
  }

  subscribe(listener: () => void): () => void {
    return this.#listeners.subscribe(listener);
  }

  request(name: string): void {
    clearTimeout(this.#lingering.get(name));
    this.#lingering.delete(name);
    const reference = parseIstioClusterName(name);
    if (reference === undefined || this.#requested.has(name)) return;
    this.#requested.add(name);
    this.#want(name, reference);
  }

  release(name: string): void {
    if (!this.#requested.has(name) || this.#lingering.has(name)) return;
    const leave = () => {
      this.#lingering.delete(name);
      this.#requested.delete(name);
      if (!this.#services.has(name)) this.#drop(name);
    };
    this.#lingering.set(name, setTimeout(leave, this.#lingerMs).unref());
  }

  setServices(services: ReadonlyMap<string, ServiceReference>): void {
    const before = this.#services;
    this.#services = services;
    for (const name of before.keys()) if (!services.has(name) && !this.#requested.has(name)) this.#drop(name);
    for (const [name, reference] of services) this.#want(name, reference);
  }

  async close(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    for (const timer of this.#lingering.values()) clearTimeout(timer);
    clearImmediate(this.#scheduled);
    this.#listeners.clear();
  }

  #want(name: string, reference: ServiceReference): void {
    if (isDeepStrictEqual(this.#wanted.get(name)?.reference, reference)) return;
    this.#wanted.set(name, { reference, pods: new Set() });
    this.#mark(name);
  }

  #drop(name: string): void {
    if (this.#wanted.delete(name)) this.#mark(name);
  }

  #onSlice(change: StoreChange<EndpointSlice>): void {
    if (change.type === "deleted") this.#slices.remove(change.object);
    else this.#slices.put(change.object);
    this.#onService(serviceOfSlice(change.object));
    // A slice that was given to another Service.
    if (change.type === "modified") this.#onService(serviceOfSlice(change.previous));
  }

  #onService(key: string | undefined): void {
    this.#markWhere(({ namespace, service }) => `${namespace}/${service}` === key);
  }

  #onPod(change: StoreChange<{ readonly metadata: ObjectMeta }>): void {
    if (!isMaterial(change)) return;
    for (const [name, { pods }] of this.#wanted) if (pods.has(change.key)) this.#mark(name);
  }

  /** Whether pods are followed decides over endpoints whose pods are not known. */
  #onPodsState(): void {
    this.#markWhere(() => true);
    this.#schedule();
  }

  #onNode(change: StoreChange<{ readonly metadata: ObjectMeta }>): void {
    if (isMaterial(change)) this.#markWhere(() => true);
  }

  #markWhere(concerns: (reference: ServiceReference) => boolean): void {
    for (const [name, { reference }] of this.#wanted) if (concerns(reference)) this.#mark(name);
  }

  #mark(name: string): void {
    this.#dirty.add(name);
    this.#schedule();
  }

  /** Changes that come together, as a rolling update's do, are looked at once. */
  #schedule(): void {
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined;
      this.#refresh();
    });
  }

  #refresh(): void {
    const fault = faultOf(this.#watches);
    const fleet = this.#fleet !== undefined || isSettled(this.#watches) ? this.#translateDirty() : undefined;
    if (fleet === this.#fleet && fault === this.#fault) return;
    this.#fleet = fleet;
    this.#fault = fault;
    this.#listeners.tell();
  }

  #translateDirty(): Fleet {
    const clusters = new Map(this.#fleet?.clusters);
    for (const name of this.#dirty) {
      const wanted = this.#wanted.get(name);
      if (wanted === undefined) clusters.delete(name);
      else clusters.set(name, this.#translate(name, wanted));
    }
    this.#dirty.clear();
    return keepIdentity(this.#fleet, { clusters, listeners: new Map() });
  }

  #translate(name: string, wanted: Wanted): Cluster {
    const { reference } = wanted;
    const { services, pods, nodes, destinationRules } = this.#watches;
    const key = `${reference.namespace}/${reference.service}`;
    const slices = this.#slices.of(key);
    wanted.pods = podsOf(slices);
    return clusterOf(name, reference, {
      service: services.objects.get(key),
      slices,
      pods: pods.objects,
      // A right that was taken away does not come back by itself: without this every rollout would end without endpoints.
      podsFollowed: !hasCode(pods.fault(), "EK_KUBE_FORBIDDEN"),
      nodes: nodes.objects,
      subsetLabels: reference.subset === "" ? undefined : subsetLabels(reference, destinationRules.objects.values()),
    });
  }
}

/** Does a change touch more than the object's version? What was kept of it decides. */
function isMaterial(change: StoreChange<{ readonly metadata: ObjectMeta }>): boolean {
  if (change.type !== "modified") return true;
  const { resourceVersion: _before, ...before } = change.previous.metadata;
  const { resourceVersion: _after, ...after } = change.object.metadata;
  return !isDeepStrictEqual({ ...change.previous, metadata: before }, { ...change.object, metadata: after });
}
