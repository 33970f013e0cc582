import { Listeners } from "../../common/listeners.ts";
import type { Cluster, Endpoint, Fleet, FleetSource } from "../fleet/fleet.ts";

/** A fleet for tests, set by hand. */
export class ManualFleet implements FleetSource {
  readonly #listeners = new Listeners();
  #fleet: Fleet | undefined;

  get listeners(): number {
    return this.#listeners.size;
  }

  set(...clusters: Cluster[]): void {
    this.#fleet = { clusters: new Map(clusters.map((cluster) => [cluster.name, cluster])), listeners: new Map() };
    this.#listeners.tell();
  }

  current(): Fleet | undefined {
    return this.#fleet;
  }

  fault(): undefined {
    return undefined;
  }

  subscribe(listener: () => void): () => void {
    return this.#listeners.subscribe(listener);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }
}

export function testCluster(name: string, endpoints: readonly Endpoint[]): Cluster {
  return { name, endpoints, protocol: "http1", connectTimeoutMs: 1000 };
}

/** An endpoint at 10.0.0.NUMBER:80, with an agent unless told otherwise. */
export function testEndpoint(number: number, more: Partial<Endpoint> = {}): Endpoint {
  const address = `10.0.0.${number}`;
  return {
    key: `${address}:80`,
    address,
    port: 80,
    locality: { region: "", zone: "", subZone: "" },
    state: "ready",
    agent: { address, port: 9001 },
    ...more,
  };
}
