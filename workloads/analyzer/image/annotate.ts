import sharp from "sharp";
import type { Estimate, Posture } from "../estimate/estimator.ts";
import { pipeline } from "./decode.ts";
import { labelSvg } from "./label.ts";
import type { ImageLimits } from "./limits.ts";

/** Larger images are made smaller, so that a result is quick to look at; in pixels. */
const LONGEST_SIDE = 1280;
const QUALITY = 82;

const COLOURS: Readonly<Record<Posture, string>> = {
  upright: "#2ca02c",
  leaning: "#ff7f0e",
  sitting: "#1f77b4",
  lying: "#d62728",
  unknown: "#7f7f7f",
};

/** The image with what the estimator saw drawn over it, as JPEG. */
export async function annotate(bytes: Uint8Array, estimate: Estimate, limits: ImageLimits): Promise<Uint8Array> {
  const { data, info } = await pipeline(bytes, limits)
    .resize(LONGEST_SIDE, LONGEST_SIDE, { fit: "inside", withoutEnlargement: true })
    .flatten({ background: "white" })
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  const overlay = Buffer.from(overlaySvg(estimate, info.width, info.height));
  return await sharp(data, { raw: info })
    .composite([{ input: overlay, left: 0, top: 0 }])
    .jpeg({ quality: QUALITY })
    .toBuffer();
}

/** The drawing alone, of the image's size in pixels. */
export function overlaySvg({ posture, confidence, marks }: Estimate, width: number, height: number): string {
  const stroke = Math.max(2, Math.round(Math.min(width, height) / 160));
  const lines = marks.map(([from, to]) => {
    const at = (part: number, whole: number) => (part * whole).toFixed(1);
    return `<line x1="${at(from.x, width)}" y1="${at(from.y, height)}" x2="${at(to.x, width)}" y2="${at(to.y, height)}"/>`;
  });
  const label = labelSvg(`${posture} ${Math.round(confidence * 100)}%`, stroke);
  const drawing = `<g stroke="${COLOURS[posture]}" stroke-width="${stroke}">${lines.join("")}</g>${label}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${drawing}</svg>`;
}
