import { CPU_SOURCES, type CpuSource } from "../signals/signal.ts";
import type { NodeUse } from "./nodes.ts";

/** A CPU figure of a node. */
export interface NodeSample {
  readonly source: CpuSource;
  /** Used share of all cores. */
  readonly utilisation: number;
  /** The end of what was measured, on our monotonic clock, in ms. */
  readonly atMs: number;
  /** How long it was measured, in ms. */
  readonly overMs: number;
}

/** What "the last 30 s" are, in ms. */
export const WINDOW_MS = 30_000;
/** Figures that cover less than this are not "the last 30 s" yet, in ms. */
const ENOUGH_MS = WINDOW_MS / 2;

/** The CPU of nodes over the last 30 s, by whatever sources tell it. */
export class NodeCpu {
  readonly #samples = new Map<string, Map<CpuSource, NodeSample[]>>();

  /** Figures that make no sense are dropped. */
  record(node: string, sample: NodeSample): void {
    const { utilisation, atMs, overMs } = sample;
    if (![utilisation, atMs, overMs].every(Number.isFinite) || utilisation < 0 || overMs <= 0) return;
    const bySource = this.#samples.get(node) ?? new Map<CpuSource, NodeSample[]>();
    this.#samples.set(node, bySource);
    const before = bySource.get(sample.source) ?? [];
    // The same figure read again is no news.
    if (before.some((each) => each.atMs >= atMs)) return;
    const recent = before.filter((each) => each.atMs > atMs - WINDOW_MS);
    bySource.set(sample.source, [...recent, { ...sample, utilisation: Math.min(1, utilisation) }]);
  }

  /**
   * The average over the window before the newest figure, of the best source whose figure is not too old; else of the
   * source with the newest.
   */
  get(node: string, nowMs: number, maxAgeMs: number): NodeUse | undefined {
    const bySource = this.#samples.get(node);
    if (bySource === undefined) return undefined;
    const uses = CPU_SOURCES.flatMap((source) => average(bySource.get(source) ?? [], nowMs));
    return uses.find(({ ageMs }) => ageMs <= maxAgeMs) ?? uses.toSorted((a, b) => a.ageMs - b.ageMs)[0];
  }

  /** Forgets all other nodes. */
  retain(nodes: ReadonlySet<string>): void {
    for (const node of this.#samples.keys()) if (!nodes.has(node)) this.#samples.delete(node);
  }
}

/** @returns nothing while too little is known */
function average(samples: readonly NodeSample[], nowMs: number): readonly NodeUse[] {
  const newest = samples.at(-1);
  if (newest === undefined) return [];
  let covered = 0;
  let used = 0;
  // Newest first, until the window is full: a figure that covers all of it counts alone.
  for (const { utilisation, overMs } of samples.toReversed()) {
    const countedMs = Math.min(overMs, WINDOW_MS - covered);
    covered += countedMs;
    used += utilisation * countedMs;
  }
  // A silent stretch between two figures does not count as measured.
  if (covered < ENOUGH_MS) return [];
  return [{ utilisation: used / covered, source: newest.source, ageMs: Math.max(0, nowMs - newest.atMs) }];
}
