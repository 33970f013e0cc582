import { isDeepStrictEqual } from "node:util";
import type { Cluster, Fleet } from "./fleet.ts";

/**
 * Puts what did not change back in place of its equal, so that the parts to the right can compare by `===`: clusters,
 * endpoints of a changed cluster, listeners, and the fleet itself when nothing changed.
 */
export function keepIdentity(previous: Fleet | undefined, next: Fleet): Fleet {
  if (previous === undefined) return next;
  const clusters = keepEqual(previous.clusters, next.clusters, keepEndpoints);
  const listeners = keepEqual(previous.listeners, next.listeners, (_, changed) => changed);
  if (clusters === previous.clusters && listeners === previous.listeners) return previous;
  return { clusters, listeners };
}

/** The previous map when all its entries are as they were; else a map with the previous object of each equal entry. */
function keepEqual<T>(
  previous: ReadonlyMap<string, T>,
  next: ReadonlyMap<string, T>,
  merge: (before: T, after: T) => T,
): ReadonlyMap<string, T> {
  let same = previous.size === next.size;
  const kept = new Map<string, T>();
  for (const [name, after] of next) {
    const before = previous.get(name);
    if (before !== undefined && isDeepStrictEqual(before, after)) {
      kept.set(name, before);
      continue;
    }
    same = false;
    kept.set(name, before === undefined ? after : merge(before, after));
  }
  return same ? previous : kept;
}

function keepEndpoints(before: Cluster, after: Cluster): Cluster {
  const known = new Map(before.endpoints.map((endpoint) => [endpoint.key, endpoint]));
  const endpoints = after.endpoints.map((endpoint) => {
    const old = known.get(endpoint.key);
    return old !== undefined && isDeepStrictEqual(old, endpoint) ? old : endpoint;
  });
  return { ...after, endpoints };
}
