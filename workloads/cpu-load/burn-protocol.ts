/** What the burning thread is told. */
export type BurnOrder =
  | { readonly kind: "start"; readonly id: number; readonly durationMs: number }
  | { readonly kind: "stop"; readonly id: number };

/** What it answers when a burn has lasted its time. */
export interface BurnDone {
  readonly id: number;
  /** How long it lasted on the clock. */
  readonly durationMs: number;
  /** The sum of the square roots that it worked out; grows with the share of the CPU that it got. */
  readonly result: number;
}
