import { TYPE_URLS } from "../resources/resource.ts";
import type { CsdsStream } from "./csds.ts";

/**
 * What each Envoy is asked to report on, by node id: the clusters whose endpoints it asks us for, as far as they are called
 * what their endpoints are called. All others bring nothing that weights could use, and may be thousands: those that a gateway
 * has from istiod, and those of a reverse proxy that is served beside the fleet.
 */
export function loadTargets(streams: Iterable<CsdsStream>): ReadonlyMap<string, ReadonlySet<string>> {
  const targets = new Map<string, ReadonlySet<string>>();
  for (const { node, subscriptions } of streams)
    for (const { typeUrl, names } of subscriptions)
      if (typeUrl === TYPE_URLS.endpoints) targets.set(node.id, names.union(targets.get(node.id) ?? new Set()));
  return targets;
}
