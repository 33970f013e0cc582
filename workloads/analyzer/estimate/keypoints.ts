import type { Estimate, Point } from "./estimator.ts";

/** A joint or landmark that a model found. */
export interface Keypoint extends Point {
  /** How sure the model is, from 0 to 1. */
  readonly score: number;
}

/** Where the parts of the body are among the 17 of the COCO keypoint challenge. */
const COCO = {
  shoulders: [5, 6],
  hips: [11, 12],
  knees: [13, 14],
} as const;
export const COCO_KEYPOINTS = 17;

/** A keypoint below this score counts as not seen; models mark those outside of the image so. */
const SEEN = 0.2;
const LYING_DEGREES = 55;
const LEANING_DEGREES = 20;
/** The thigh of one who stands is as steep as the body; that of one who sits lies. */
const SITTING_DEGREES = 50;

/** The bones that are drawn. */
const BONES = [
  [5, 6],
  [5, 7],
  [7, 9],
  [6, 8],
  [8, 10],
  [5, 11],
  [6, 12],
  [11, 12],
  [11, 13],
  [13, 15],
  [12, 14],
  [14, 16],
] as const;

/**
 * Tells the posture that 17 keypoints show.
 * @param points in COCO's order, in parts of the image
 * @param ratio the image's width in relation to its height, since angles need equal units
 */
export function judgeKeypoints(points: readonly Keypoint[], ratio: number): Estimate {
  const marks = BONES.flatMap(([from, to]) => {
    const [a, b] = [points[from], points[to]];
    return isSeen(a) && isSeen(b) ? [[a, b] as const] : [];
  }).map(([a, b]) => [bounded(a), bounded(b)] as const);
  const [shoulders, hips, knees] = [
    middle(points, COCO.shoulders),
    middle(points, COCO.hips),
    middle(points, COCO.knees),
  ];
  if (shoulders === undefined || hips === undefined)
    return { posture: "unknown", confidence: 0, reason: "shoulders or hips are not seen", marks };
  const torso = steepness(shoulders, hips, ratio);
  const body = `the trunk is ${torso.toFixed(0)}° from the vertical`;
  const sure = Math.min(shoulders.score, hips.score);
  if (torso >= LYING_DEGREES) return { posture: "lying", confidence: round(sure), reason: body, marks };
  const thigh = knees === undefined ? undefined : steepness(hips, knees, ratio);
  if (knees !== undefined && thigh !== undefined && thigh >= SITTING_DEGREES) {
    const reason = `${body}, the thighs are ${thigh.toFixed(0)}°`;
    return { posture: "sitting", confidence: round(Math.min(sure, knees.score)), reason, marks };
  }
  const posture = torso >= LEANING_DEGREES ? "leaning" : "upright";
  // Without knees, one who sits looks like one who stands.
  const confidence = thigh === undefined ? sure / 2 : sure;
  return {
    posture,
    confidence: round(confidence),
    reason: thigh === undefined ? `${body}, no knees seen` : body,
    marks,
  };
}

function middle(points: readonly Keypoint[], [left, right]: readonly [number, number]): Keypoint | undefined {
  const seen = [points[left], points[right]].filter(isSeen);
  if (seen.length === 0) return undefined;
  const mean = (of: (point: Keypoint) => number) => seen.reduce((sum, point) => sum + of(point), 0) / seen.length;
  return { x: mean(({ x }) => x), y: mean(({ y }) => y), score: mean(({ score }) => score) };
}

/** Between a line and the vertical, from 0 to 90 degrees. */
function steepness(from: Point, to: Point, ratio: number): number {
  return (Math.atan2(Math.abs(to.x - from.x) * ratio, Math.abs(to.y - from.y)) * 180) / Math.PI;
}

function isSeen(point: Keypoint | undefined): point is Keypoint {
  return point !== undefined && point.score >= SEEN;
}

function bounded({ x, y }: Point): Point {
  return { x: Math.min(1, Math.max(0, x)), y: Math.min(1, Math.max(0, y)) };
}

function round(value: number): number {
  return Math.round(Math.min(1, Math.max(0, value)) * 1000) / 1000;
}
