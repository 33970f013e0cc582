import type { Posture } from "./estimator.ts";
import type { Shape } from "./shape.ts";

/** Limits between the postures. Set with drawn figures; see silhouette-estimator.test.ts for what they tell apart. */
const LYING_TILT = 55;
const LYING_ELONGATION = 1.5;
const LEANING_TILT = 12;
const STRAIGHT_ELONGATION = 1.9;
const LAP = 1.55;
const SITTING_TILT = 50;
const SITTING_ASPECT = { least: 0.8, most: 2.4 };
/** A silhouette outside of these parts of the image is a speck, or no person before a background. */
const SHARE = { least: 0.005, most: 0.75 };

export interface Verdict {
  readonly posture: Posture;
  /** From 0 to 1. */
  readonly confidence: number;
  readonly reason: string;
}

/** Decides what posture a shape shows. */
export function classify(shape: Shape): Verdict {
  const { share, tiltDegrees, elongation, aspect, lap } = shape;
  const percent = (share * 100).toFixed(1);
  if (share < SHARE.least) return unknown(`what stands out is only ${percent} % of the image`);
  if (share > SHARE.most) return unknown(`what stands out is ${percent} % of the image: there is no background`);
  const tilt = `the long axis is ${tiltDegrees.toFixed(0)}° from the vertical`;
  const length = `${elongation.toFixed(1)} times as long as wide`;
  if (tiltDegrees >= LYING_TILT && elongation >= LYING_ELONGATION)
    return {
      posture: "lying",
      confidence: Math.min(beyond(tiltDegrees, LYING_TILT, 20), beyond(elongation, LYING_ELONGATION, 1)),
      reason: `${tilt}, ${length}`,
    };
  if (lap >= LAP && tiltDegrees < SITTING_TILT && aspect >= SITTING_ASPECT.least && aspect <= SITTING_ASPECT.most)
    return {
      posture: "sitting",
      confidence: Math.min(beyond(lap, LAP, 0.6), beyond(SITTING_ASPECT.most, aspect, 0.6)),
      reason: `the lap is ${lap.toFixed(1)} times as wide as the upper body, the height ${aspect.toFixed(1)} times the width`,
    };
  if (elongation < STRAIGHT_ELONGATION) return unknown(`a compact shape, ${length}`);
  const straight = beyond(elongation, STRAIGHT_ELONGATION, 1);
  return tiltDegrees < LEANING_TILT
    ? {
        posture: "upright",
        confidence: Math.min(straight, beyond(LEANING_TILT, tiltDegrees, 8)),
        reason: `${tilt}, ${length}`,
      }
    : {
        posture: "leaning",
        confidence: Math.min(straight, beyond(tiltDegrees, LEANING_TILT, 10), beyond(LYING_TILT, tiltDegrees, 15)),
        reason: `${tilt}, ${length}`,
      };
}

function unknown(reason: string): Verdict {
  return { posture: "unknown", confidence: 0, reason };
}

/** 0.5 at the limit, 1 when a value is `enough` beyond it. */
function beyond(value: number, limit: number, enough: number): number {
  return Math.min(1, 0.5 + (0.5 * (value - limit)) / enough);
}
