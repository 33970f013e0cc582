import sharp from "sharp";
import { DRAWN, drawFigure } from "./figure.ts";

/** An image that the load sends, and what it shows. */
export interface LoadImage {
  readonly bytes: Buffer;
  readonly posture: (typeof DRAWN)[number];
}

export interface LoadImageOptions {
  /** Each number gives another figure. */
  readonly index: number;
  /** In pixels. */
  readonly width: number;
  readonly height: number;
}

/** Draws one person as JPEG; noise makes it as hard to compress as a photograph. */
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

/** The bytes SOI, and the marker of a comment (ITU-T T.81, B.1.1.3). */
const START = 2;
const COMMENT = [0xff, 0xfe];

/** The same JPEG with a comment: another image to whoever tells images by their bytes, and equal to the eye. */
export function withComment(jpeg: Buffer, comment: string): Buffer {
  const text = Buffer.from(comment);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(text.length + 2);
  return Buffer.concat([jpeg.subarray(0, START), Buffer.from(COMMENT), length, text, jpeg.subarray(START)]);
}
