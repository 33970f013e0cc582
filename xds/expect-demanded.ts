import type { FleetSource } from "./fleet/fleet.ts";
import { type DemandReader, TYPE_URLS, type TypeUrl } from "./resources/resource.ts";
import type { ResourceStore } from "./resources/store.ts";

/** Made of clusters, which a source may make when they are asked for. */
const OF_CLUSTERS: ReadonlySet<TypeUrl> = new Set([TYPE_URLS.cluster, TYPE_URLS.endpoints]);
/** How long a client waits for a name at least, in ms: reading a large cluster anew takes some seconds. */
const WAIT_MS = 15_000;
/** From settled weights to the resource, on a slow machine. */
const MARGIN_MS = 5000;

export interface ExpectOptions {
  readonly demand: DemandReader;
  readonly source: Pick<FleetSource, "current" | "makes">;
  readonly store: Pick<ResourceStore, "expect" | "unexpect">;
  readonly settleTimeoutMs: number;
}

/**
 * Has clients wait for what the source is about to make for them, and for clusters that settle still. Told that such a
 * name does not exist, an Envoy that knew it (we have restarted, or another replica had it) would drop its endpoints.
 * @returns the end of it
 */
export function expectDemanded({ demand, source, store, settleTimeoutMs }: ExpectOptions): () => void {
  const withinMs = Math.max(WAIT_MS, settleTimeoutMs + MARGIN_MS);
  const mayCome = (name: string) => source.makes?.(name) === true || source.current()?.clusters.has(name) === true;
  return demand.subscribe((typeUrl, name, subscribers) => {
    if (!OF_CLUSTERS.has(typeUrl)) return;
    if (subscribers === 0) store.unexpect(typeUrl, name);
    else if (subscribers === 1 && mayCome(name)) store.expect(typeUrl, name, withinMs);
  });
}
