import { TYPE_URLS } from "../resources/resource.ts";
import type { CsdsStream } from "./csds.ts";

/** What one Envoy is asked to report on: all of its clusters, or those of these names. */
export type LoadTargets = "all" | ReadonlySet<string>;

/**
 * By node id: an Envoy that has its clusters from us reports on all of them. One that has them from somebody else (istiod)
 * may have thousands of which only a few are ours: it reports on those whose endpoints it asks us for, as far as they are
 * called what their endpoints are called.
 */
export function loadTargets(streams: Iterable<CsdsStream>): ReadonlyMap<string, LoadTargets> {
  const targets = new Map<string, LoadTargets>();
  for (const { node, subscriptions } of streams)
    for (const { typeUrl, names } of subscriptions) {
      if (typeUrl === TYPE_URLS.cluster) targets.set(node.id, "all");
      if (typeUrl !== TYPE_URLS.endpoints) continue;
      const before = targets.get(node.id);
      if (before !== "all") targets.set(node.id, before === undefined ? names : new Set([...before, ...names]));
    }
  return targets;
}
