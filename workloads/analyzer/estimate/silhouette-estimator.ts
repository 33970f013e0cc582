import { classify } from "./classify.ts";
import type { Estimate, Estimator, Point, RgbImage } from "./estimator.ts";
import { measure } from "./shape.ts";
import { findSilhouette, greyOf } from "./silhouette.ts";

/** A contrast at which nothing is mistaken for the background, in steps of 256. */
const GOOD_CONTRAST = 80;
/** A background that varies more than this hides a person, in steps of 256. */
const UNEVEN = 40;

/** The built-in estimator: no model, for one person before an even background. */
export const silhouetteEstimator: Estimator = {
  name: "silhouette-1",
  longestSide: 192,
  estimate: async (image) => estimateSilhouette(image),
};

/** Tells a posture by the silhouette's long axis and proportions. */
export function estimateSilhouette(image: RgbImage): Estimate {
  const silhouette = findSilhouette(greyOf(image));
  if (silhouette === undefined)
    return { posture: "unknown", confidence: 0, reason: "nothing stands out from the background", marks: [] };
  const shape = measure(silhouette);
  const verdict = classify(shape);
  const clear = Math.min(1, silhouette.contrast / GOOD_CONTRAST) * Math.max(0, 1 - silhouette.unevenness / UNEVEN);
  return { ...verdict, confidence: round(verdict.confidence * clear), marks: [...boxLines(shape.box), shape.axis] };
}

function boxLines([from, to]: readonly [Point, Point]): (readonly [Point, Point])[] {
  const corners = [from, { x: to.x, y: from.y }, to, { x: from.x, y: to.y }];
  return corners.map((corner, index) => [corner, corners[(index + 1) % corners.length] as Point] as const);
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
