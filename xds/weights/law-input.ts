import type { Coverage } from "../signals/load-reports.ts";
import type { Signal } from "../signals/signal.ts";

export interface LawEndpoint {
  /** Unique in the cluster. */
  readonly key: string;
  /** A draining endpoint gets a weight but has no influence on the others'. */
  readonly state: "ready" | "draining";
  readonly signal?: Signal | undefined;
  /** How long it has been in the fleet, in ms. Absent: for long. */
  readonly knownForMs?: number | undefined;
}

/** The weights that Envoy holds. */
export interface LawState {
  /** By endpoint key. */
  readonly weights: ReadonlyMap<string, number>;
  /** All ready endpoints have the same weight: Envoy compares some random choices. */
  readonly equal: boolean;
}

export interface LawInput {
  readonly endpoints: readonly LawEndpoint[];
  /** Undefined before the first weights. */
  readonly previous: LawState | undefined;
  /** How many proxies share the cluster out, each seeing its own requests only. */
  readonly proxies: number;
  /** What of their requests is known. */
  readonly coverage: Coverage;
  /** The time, on the clock of the signals, in ms. */
  readonly nowMs: number;
}
