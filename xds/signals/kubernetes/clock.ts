/** The two clocks that signals meet. */
export interface Clocks {
  /** The monotonic clock of all signals, in ms. */
  readonly nowMs: () => number;
  /** Ms since the epoch: what other machines write on their figures. */
  readonly wallMs: () => number;
}

export const CLOCKS: Clocks = { nowMs: () => performance.now(), wallMs: () => Date.now() };

/** When something was, on our monotonic clock, by the time that another machine wrote on it. The future counts as now. */
export function toMonotonic(wallMs: number, clocks: Clocks): number {
  return clocks.nowMs() - Math.max(0, clocks.wallMs() - wallMs);
}
