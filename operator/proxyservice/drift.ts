import type { DesiredObject } from "./desired/meta.ts";
import { APPLIED_ANNOTATION } from "./names.ts";
import type { LiveObject } from "./takeover/observed.ts";

/**
 * Knows whether a live object is as it was asked for. What differs right after our own apply is the cluster's way of
 * writing it (`1000m` is stored as `1`) or a webhook's doing, which another apply would not change: it counts as current,
 * and only what changes after that is drift. What is remembered is lost at a restart, which costs one apply for each such
 * object and no more.
 */
export class Drift {
  readonly #accepted = new Map<string, string>();

  readonly isCurrent = (desired: DesiredObject, live: LiveObject): boolean => {
    if (hashOf(desired) !== hashOf(live)) return false;
    const found = differences(desired, live);
    return found.length === 0 || this.#accepted.get(keyOf(desired)) === describe(desired, found);
  };

  /** Notes what our apply of an object led to. */
  applied(desired: DesiredObject, live: LiveObject): void {
    const found = differences(desired, live);
    if (found.length === 0) this.#accepted.delete(keyOf(desired));
    else this.#accepted.set(keyOf(desired), describe(desired, found));
  }
}

/** Where a live value is not what is desired, as `path=value`. What is not desired may be anything. */
export function differences(desired: unknown, live: unknown, path = ""): string[] {
  if (Array.isArray(desired)) {
    if (!Array.isArray(live) || live.length !== desired.length) return [`${path}=${JSON.stringify(live)}`];
    return desired.flatMap((value, index) => differences(value, live[index], `${path}[${index}]`));
  }
  if (isRecord(desired)) {
    if (!isRecord(live)) return [`${path}=${JSON.stringify(live)}`];
    return Object.entries(desired).flatMap(([key, value]) => differences(value, live[key], `${path}.${key}`));
  }
  return Object.is(desired, live) ? [] : [`${path}=${JSON.stringify(live)}`];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function describe(desired: DesiredObject, found: readonly string[]): string {
  return [hashOf(desired), ...found].join("\n");
}

function hashOf({ metadata }: DesiredObject): string | undefined {
  return metadata.annotations?.[APPLIED_ANNOTATION];
}

function keyOf({ kind, metadata }: DesiredObject): string {
  return `${kind} ${metadata.namespace}/${metadata.name}`;
}
