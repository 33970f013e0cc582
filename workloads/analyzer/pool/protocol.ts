import type { Estimate } from "../estimate/estimator.ts";
import type { ImageLimits } from "../image/limits.ts";

/** What a worker thread is started with. */
export interface WorkerSettings {
  readonly limits: ImageLimits;
  /** A pose model's path; absent: the built-in estimator. */
  readonly model?: string;
}

/** One image for a worker thread. */
export interface Order {
  readonly id: number;
  readonly image: Uint8Array;
}

/** What became of an image. */
export type Outcome =
  | {
      readonly kind: "analysed";
      readonly width: number;
      readonly height: number;
      readonly estimate: Estimate;
      /** With what the estimator saw drawn over it, as JPEG. */
      readonly annotated: Uint8Array;
    }
  | { readonly kind: "rejected"; readonly reason: string };

/** A thread's messages: it is ready, with its estimator's name; it cannot begin; or an image is done. */
export type Answer =
  | { readonly kind: "ready"; readonly estimator: string }
  | { readonly kind: "unfit"; readonly error: string }
  | { readonly kind: "done"; readonly id: number; readonly outcome: Outcome };
