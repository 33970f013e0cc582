import type { Estimator } from "../estimate/estimator.ts";
import { annotate } from "../image/annotate.ts";
import { decode, ImageRejected } from "../image/decode.ts";
import type { ImageLimits } from "../image/limits.ts";
import type { Outcome } from "./protocol.ts";

/** Analyses one image. What is wrong with an image is an outcome; only what is wrong with the program is thrown. */
export async function analyse(image: Uint8Array, estimator: Estimator, limits: ImageLimits): Promise<Outcome> {
  try {
    const { width, height, small } = await decode(image, limits, estimator.longestSide);
    const estimate = await estimator.estimate(small);
    const annotated = await annotate(image, estimate, limits);
    return { kind: "analysed", width, height, estimate, annotated };
  } catch (error) {
    if (error instanceof ImageRejected) return { kind: "rejected", reason: error.message };
    throw error;
  }
}
