import sharp from "sharp";
import { DRAWN, drawFigure } from "./figure.ts";

/** An image that the load sends, and what it shows. */
export interface LoadImage {
  readonly bytes: Buffer;
  readonly posture: (typeof DRAWN)[number];
}

export interface LoadImageOptions {
  /** The images' number: each is another one, of another figure. */
  readonly index: number;
  /** In pixels. */
  readonly width: number;
  readonly height: number;
}

/** Draws one person as JPEG; noise makes every image another one, as with a camera. */
export async function drawImage({ index, width, height }: LoadImageOptions): Promise<LoadImage> {
  const posture = DRAWN[index % DRAWN.length] as LoadImage["posture"];
  const { data } = drawFigure({
    posture,
    width,
    height,
    size: 0.6 + 0.05 * (index % 7),
    tiltDegrees: (index % 9) - 4,
    mirrored: index % 2 === 1,
    noise: 8,
  });
  const bytes = await sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 85 })
    .toBuffer();
  return { bytes, posture };
}
