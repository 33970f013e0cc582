import type { Posture, RgbImage } from "../../../workloads/analyzer/estimate/estimator.ts";

/** A thick line with round ends, in units of the figure's height, from the middle of its head's top. */
type Limb = readonly [fromX: number, fromY: number, toX: number, toY: number, radius: number];

const STANDING: readonly Limb[] = [
  [0, 0.08, 0, 0.08, 0.075],
  [0, 0.14, 0, 0.5, 0.055],
  [-0.03, 0.24, -0.03, 0.5, 0.07],
  [0.03, 0.24, 0.03, 0.5, 0.07],
  [-0.1, 0.22, -0.12, 0.5, 0.03],
  [0.1, 0.22, 0.12, 0.5, 0.03],
  [-0.05, 0.5, -0.06, 0.96, 0.045],
  [0.05, 0.5, 0.06, 0.96, 0.045],
];

/** Seen from the side. */
const SITTING: readonly Limb[] = [
  [0, 0.1, 0, 0.1, 0.1],
  [0, 0.2, 0, 0.6, 0.07],
  [0, 0.3, 0, 0.62, 0.1],
  [0, 0.32, 0.18, 0.58, 0.035],
  [0, 0.64, 0.36, 0.66, 0.08],
  [0.38, 0.66, 0.38, 0.95, 0.055],
  [0.38, 0.95, 0.48, 0.95, 0.05],
];

const DEGREES: Record<Exclude<Posture, "unknown" | "sitting">, number> = { upright: 0, leaning: 30, lying: 90 };

/** The postures that can be drawn. */
export const DRAWN = ["upright", "leaning", "sitting", "lying"] as const satisfies readonly Posture[];

export interface FigureOptions {
  readonly posture: (typeof DRAWN)[number];
  readonly width: number;
  readonly height: number;
  /** Its height in relation to the image's shorter side; absent: 0.8. */
  readonly size?: number;
  /** Added to the posture's own tilt; absent: 0. */
  readonly tiltDegrees?: number;
  /** The other way round. */
  readonly mirrored?: boolean;
  /** Brightness of figure and background, 0 to 255; absent: 40 and 210. */
  readonly ink?: number;
  readonly paper?: number;
  /** Most that a pixel's brightness varies; absent: 0. */
  readonly noise?: number;
  /** A number from 0 to 1 each time, for the noise; absent: Math.random. */
  readonly random?: () => number;
}

/** Draws one person before an even background. */
export function drawFigure(options: FigureOptions): RgbImage {
  const { posture, width, height, size = 0.8, tiltDegrees = 0, mirrored = false, ink = 40, paper = 210 } = options;
  const { noise = 0, random = Math.random } = options;
  const limbs = posture === "sitting" ? SITTING : STANDING;
  const turn = (((posture === "sitting" ? 0 : DEGREES[posture]) + tiltDegrees) * Math.PI) / 180;
  const scale = size * Math.min(width, height);
  const data = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const dx = (mirrored ? -1 : 1) * ((x - width / 2) / scale);
      const dy = (y - height / 2) / scale;
      // The pixel is turned back to where it lies on the straight figure, whose middle is at half its height.
      const px = dx * Math.cos(turn) + dy * Math.sin(turn) + (posture === "sitting" ? 0.2 : 0);
      const py = dy * Math.cos(turn) - dx * Math.sin(turn) + 0.5;
      const level = limbs.some((limb) => isInside(limb, px, py)) ? ink : paper;
      const value = Math.round(Math.min(255, Math.max(0, level + (2 * random() - 1) * noise)));
      data.fill(value, 3 * (y * width + x), 3 * (y * width + x) + 3);
    }
  return { width, height, data };
}

function isInside([fromX, fromY, toX, toY, radius]: Limb, x: number, y: number): boolean {
  const [alongX, alongY] = [toX - fromX, toY - fromY];
  const length = alongX ** 2 + alongY ** 2;
  const part = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - fromX) * alongX + (y - fromY) * alongY) / length));
  return Math.hypot(x - fromX - part * alongX, y - fromY - part * alongY) <= radius;
}
