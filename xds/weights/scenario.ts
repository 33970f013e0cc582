import type { UnweightedPick } from "./simulated-envoy.ts";
import type { Tuning } from "./tuning.ts";

/** Who gives the weights. `none`: nobody; `speed`: from the workers' true speed, to the tuning's exponent; `law`: our law. */
export type WeightPolicy = "none" | "speed" | "law";

export interface Scenario {
  readonly seed: number;
  /** Virtual time, in ms. The first tenth is not counted. */
  readonly durationMs: number;
  /** The speed of each worker's machine: 1 serves one second of work in a second. */
  readonly speeds: readonly number[];
  readonly proxies: number;
  /** Mean work of a request, exponentially distributed, in ms at speed 1. */
  readonly serviceMs: number;
  /** Requests offered, as a share of the mean capacity. */
  readonly load: number;
  /** Outside work that comes and goes on each worker by itself, and takes `takes` of its machine for `share` of the time. */
  readonly outside?: { readonly takes: number; readonly share: number; readonly meanMs: number } | undefined;
  /** The agents measure the whole machine (default), not only the worker with what it waits for. */
  readonly outsideIsSeen?: boolean;
  /** Outside work that comes at a given time. */
  readonly steps?: readonly { readonly atMs: number; readonly worker: number; readonly takes: number }[];
  readonly policy: WeightPolicy;
  readonly unweighted: UnweightedPick;
  readonly activeRequestBias: number;
  /** From the end of a measurement to the proxies' use of it, in ms. */
  readonly deadTimeMs: number;
  /**
   * No agents but a slow source: means over `overMs`, each worker's at its own time, and each on its way for the dead time
   * and up to `lateMs` more.
   */
  readonly slow?: { readonly overMs: number; readonly lateMs: number } | undefined;
  /** From this time on the signals stop coming. */
  readonly silentFromMs?: number;
  readonly sampleMs?: number;
  readonly pushIntervalMs?: number;
  readonly smoothingMs?: number;
  /** Interval of the proxies' load reports, in ms; `undefined`: they send none. */
  readonly loadReportMs?: number | undefined;
  readonly tuning?: Tuning;
}
