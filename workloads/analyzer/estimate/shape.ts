import type { Point } from "./estimator.ts";
import type { Silhouette } from "./silhouette.ts";

/** A silhouette in figures. */
export interface Shape {
  /** Its part of the image, from 0 to 1. */
  readonly share: number;
  /** Between its long axis and the vertical, from 0 to 90 degrees. */
  readonly tiltDegrees: number;
  /** Its extent along the long axis in relation to that across; 1 for a disc or a square. */
  readonly elongation: number;
  /** Its height in relation to its width. */
  readonly aspect: number;
  /** The widest part of its lower half in relation to its upper body: thighs of one who sits make it wide. */
  readonly lap: number;
  /** The corners of its box, in parts of the image. */
  readonly box: readonly [Point, Point];
  /** The ends of its long axis, in parts of the image. */
  readonly axis: readonly [Point, Point];
}

/** Measures a silhouette. Axis and extents come from its second moments, as in M.-K. Hu, 1962. */
export function measure(silhouette: Silhouette): Shape {
  const { width, height, area } = silhouette;
  const { left, right, top, bottom, rows, x, y, xx, yy, xy } = sums(silhouette);
  const variance = {
    x: xx / area - (x / area) ** 2,
    y: yy / area - (y / area) ** 2,
    xy: xy / area - (x * y) / area ** 2,
  };
  const middle = (variance.x + variance.y) / 2;
  const spread = Math.hypot((variance.x - variance.y) / 2, variance.xy);
  // A line one pixel wide has no extent across; half a pixel keeps the relation finite.
  const long = Math.sqrt(middle + spread);
  const short = Math.max(0.5, Math.sqrt(Math.max(0, middle - spread)));
  const angle = Math.atan2(2 * variance.xy, variance.x - variance.y) / 2;
  const centre = { x: x / area, y: y / area };
  const reach = 2 * long;
  const end = (sign: number): Point => ({
    x: clamp((centre.x + sign * reach * Math.cos(angle)) / width),
    y: clamp((centre.y + sign * reach * Math.sin(angle)) / height),
  });
  return {
    share: area / (width * height),
    tiltDegrees: 90 - Math.abs((angle * 180) / Math.PI),
    elongation: long / short,
    aspect: (bottom - top + 1) / (right - left + 1),
    lap: lapOf(rows.slice(top, bottom + 1)),
    box: [
      { x: left / width, y: top / height },
      { x: (right + 1) / width, y: (bottom + 1) / height },
    ],
    axis: [end(-1), end(1)],
  };
}

function sums({ width, height, mask }: Silhouette) {
  const rows = new Array<number>(height).fill(0);
  const found = { left: width, right: 0, top: height, bottom: 0, rows, x: 0, y: 0, xx: 0, yy: 0, xy: 0 };
  for (let py = 0; py < height; py += 1)
    for (let px = 0; px < width; px += 1) {
      if (mask[py * width + px] !== 1) continue;
      found.left = Math.min(found.left, px);
      found.right = Math.max(found.right, px);
      found.top = Math.min(found.top, py);
      found.bottom = Math.max(found.bottom, py);
      rows[py] = (rows[py] ?? 0) + 1;
      found.x += px;
      found.y += py;
      found.xx += px * px;
      found.yy += py * py;
      found.xy += px * py;
    }
  return found;
}

/** The rows' widths from head to feet, to the lap's relation. */
function lapOf(rows: readonly number[]): number {
  const part = (from: number, to: number) => rows.slice(Math.floor(from * rows.length), Math.ceil(to * rows.length));
  const upper = part(0.2, 0.45).toSorted((a, b) => a - b);
  const body = upper[Math.floor(upper.length / 2)] ?? 0;
  const lower = part(0.45, 0.85).toSorted((a, b) => b - a);
  // The widest row alone may be noise; a lap is several rows high.
  const wide = lower[Math.floor(lower.length / 8)] ?? 0;
  return body === 0 ? 1 : wide / body;
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}
