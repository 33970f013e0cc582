import { Counter, Gauge, type Registry } from "prom-client";
import { describeError } from "../common/errors.ts";
import type { Logger } from "../common/log.ts";
import type { Cluster, Fleet, FrontDoor } from "./fleet/fleet.ts";
import { encodeResource, type ResourceMessages } from "./resources/encode.ts";
import { type EncodedResource, type ResourceChange, TYPE_URLS, type TypeUrl } from "./resources/resource.ts";
import { assignmentMessage, clusterMessage, listenerMessage, routeMessage } from "./resources/translate.ts";

/** Where encoded resources go: the store that the streams read. */
export interface ResourceWriter {
  apply(change: ResourceChange): void;
}

/** What a resource was made of. */
interface Origin {
  readonly of: object;
  readonly typeUrl: TypeUrl;
  readonly name: string;
}

/**
 * Turns fleets and weights into encoded resources, each only when what it is made of changed. A resource that breaks its
 * rules is named in log and metrics and never leaves: the last good version stays.
 */
export class Publisher {
  readonly #store: ResourceWriter;
  readonly #log: Logger;
  /** What each published resource was made of; by type and name. */
  readonly #made = new Map<string, Origin>();
  /** The same of what broke its rules: that is told once, not with each new weight. */
  readonly #refused = new Map<string, Origin>();
  readonly #weights = new Map<string, ReadonlyMap<string, number>>();
  /** The reverse proxy's, by type and name. */
  #proxy: ReadonlyMap<string, EncodedResource> = new Map();
  #fleet: Fleet = { clusters: new Map(), listeners: new Map() };
  readonly #invalid: Counter<"type">;

  constructor(store: ResourceWriter, registry: Registry, log: Logger) {
    this.#store = store;
    this.#log = log;
    this.#invalid = new Counter({
      name: "evenkeel_resources_invalid_total",
      help: "Resources that broke their validation rules and were not sent",
      labelNames: ["type"],
      registers: [registry],
    });
    const offered = () => [...this.#made.values(), ...this.#proxy.values()];
    new Gauge({
      name: "evenkeel_resources",
      help: "Resources offered to clients",
      labelNames: ["type"],
      registers: [registry],
      collect() {
        this.reset();
        for (const { typeUrl } of offered()) this.inc({ type: shortType(typeUrl) });
      },
    });
  }

  /** The weights last published for a cluster, by endpoint key. */
  weights(cluster: string): ReadonlyMap<string, number> | undefined {
    return this.#weights.get(cluster);
  }

  /** Publishes what changed of a fleet. A cluster appears only once it has weights: it is never offered without endpoints. */
  publishFleet(fleet: Fleet): void {
    this.#fleet = fleet;
    for (const name of this.#weights.keys()) if (!fleet.clusters.has(name)) this.#weights.delete(name);
    const upsert: EncodedResource[] = [];
    for (const cluster of fleet.clusters.values())
      if (this.#weights.has(cluster.name)) this.#encodeCluster(cluster, upsert);
    for (const door of fleet.listeners.values()) this.#encodeDoor(door, upsert);
    const remove = this.#outdated(fleet);
    if (upsert.length > 0 || remove.length > 0) this.#store.apply({ upsert, remove });
  }

  /** Publishes a cluster's endpoints with new weights, and the cluster itself when it is not out yet. */
  publishWeights(cluster: Cluster, weights: ReadonlyMap<string, number>): void {
    this.#weights.set(cluster.name, weights);
    const upsert: EncodedResource[] = [];
    const current = this.#fleet.clusters.get(cluster.name);
    if (current !== undefined) this.#encodeCluster(current, upsert);
    this.#encode(TYPE_URLS.endpoints, cluster.name, weights, () => assignmentMessage(cluster, weights), upsert);
    if (upsert.length > 0) this.#store.apply({ upsert, remove: [] });
  }

  /** Publishes the reverse proxy's resources in place of those before. */
  publishProxy(resources: readonly EncodedResource[]): void {
    const next = new Map(resources.map((resource) => [keyOf(resource), resource]));
    // What the proxy has given up may be the fleet's by now.
    const isGone = (key: string) => !next.has(key) && !this.#made.has(key);
    const remove = [...this.#proxy].filter(([key]) => isGone(key)).map(([, resource]) => resource);
    this.#proxy = next;
    this.#store.apply({ upsert: resources, remove });
  }

  #encodeCluster(cluster: Cluster, upsert: EncodedResource[]): void {
    this.#encode(TYPE_URLS.cluster, cluster.name, cluster, () => clusterMessage(cluster), upsert);
  }

  #encodeDoor(door: FrontDoor, upsert: EncodedResource[]): void {
    this.#encode(TYPE_URLS.listener, door.name, door, () => listenerMessage(door), upsert);
    this.#encode(TYPE_URLS.route, door.name, door, () => routeMessage(door), upsert);
  }

  #encode<U extends TypeUrl>(
    typeUrl: U,
    name: string,
    of: object,
    message: () => ResourceMessages[U],
    upsert: EncodedResource[],
  ): void {
    const key = keyOf({ typeUrl, name });
    if (this.#made.get(key)?.of === of || this.#refused.get(key)?.of === of) return;
    this.#refused.delete(key);
    try {
      upsert.push(encodeResource(typeUrl, name, message()));
    } catch (error) {
      this.#refused.set(key, { of, typeUrl, name });
      this.#invalid.inc({ type: shortType(typeUrl) });
      this.#log.error({ resource: name, type: typeUrl, error: describeError(error) }, "resource not sent");
      return;
    }
    this.#made.set(key, { of, typeUrl, name });
  }

  #outdated(fleet: Fleet): ResourceChange["remove"] {
    const remove: { typeUrl: TypeUrl; name: string }[] = [];
    const isOwned = (typeUrl: TypeUrl, name: string) =>
      (typeUrl === TYPE_URLS.listener || typeUrl === TYPE_URLS.route ? fleet.listeners : fleet.clusters).has(name);
    for (const [key, { typeUrl, name }] of this.#refused) if (!isOwned(typeUrl, name)) this.#refused.delete(key);
    for (const [key, { typeUrl, name }] of this.#made) {
      if (isOwned(typeUrl, name)) continue;
      this.#made.delete(key);
      if (!this.#proxy.has(key)) remove.push({ typeUrl, name });
    }
    return remove;
  }
}

function keyOf({ typeUrl, name }: { readonly typeUrl: TypeUrl; readonly name: string }): string {
  return `${typeUrl} ${name}`;
}

function shortType(typeUrl: TypeUrl): string {
  return typeUrl.slice(typeUrl.lastIndexOf(".") + 1);
}
