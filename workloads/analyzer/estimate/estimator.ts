/** Pixels of three bytes each (red, green, blue), row by row from the top. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** What a person can be found to do; `unknown` when the image does not tell. */
export const POSTURES = ["upright", "leaning", "sitting", "lying", "unknown"] as const;
export type Posture = (typeof POSTURES)[number];

/** A point of the image; both from 0 to 1, from its left upper corner. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Estimate {
  readonly posture: Posture;
  /** How sure the estimator is, from 0 to 1. It compares estimates of one estimator; it is no probability. */
  readonly confidence: number;
  /** The figures that decided, for a person. */
  readonly reason: string;
  /** Lines that show what the estimator saw: a box, an axis, a skeleton. */
  readonly marks: readonly (readonly [Point, Point])[];
}

/** Tells the posture of the one person in an image. */
export interface Estimator {
  /** As it stands in the results, with what tells versions apart. */
  readonly name: string;
  /** The longest side that it makes use of, in pixels; larger images are made smaller before. */
  readonly longestSide: number;
  estimate(image: RgbImage): Promise<Estimate>;
}
