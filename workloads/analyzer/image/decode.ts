import sharp, { type Metadata, type Sharp } from "sharp";
import type { RgbImage } from "../estimate/estimator.ts";
import { imageKind } from "./kind.ts";
import type { ImageLimits } from "./limits.ts";

// Each worker thread is one image's: more threads inside of libvips would only compete with the other workers.
sharp.concurrency(1);
sharp.cache(false);

/** An image that was found fit to analyse. */
export interface Decoded {
  /** As a viewer shows it: turned by its EXIF orientation; in pixels. */
  readonly width: number;
  readonly height: number;
  /** The same image with its longest side cut down. */
  readonly small: RgbImage;
}

/** Why an image cannot be analysed. Its message is the reason, for a person. */
export class ImageRejected extends Error {
  override readonly name = "ImageRejected";
}

/**
 * Checks an image's size, type and pixels, in this order, and only then decodes it.
 * @param longestSide of `small`, in pixels
 * @throws ImageRejected
 */
export async function decode(bytes: Uint8Array, limits: ImageLimits, longestSide: number): Promise<Decoded> {
  try {
    const { width, height } = await check(bytes, limits);
    const { data, info } = await pipeline(bytes, limits)
      .resize(longestSide, longestSide, { fit: "inside", withoutEnlargement: true })
      .flatten({ background: "white" })
      .toColourspace("srgb")
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { width, height, small: { width: info.width, height: info.height, data: rgb(data, info.channels) } };
  } catch (cause) {
    if (cause instanceof ImageRejected) throw cause;
    // libvips keeps its reasons in one place for all threads: another thread's image may have taken this one's away.
    throw new ImageRejected(`its pixels cannot be decoded: ${firstLine((cause as Error).message)}`, { cause });
  }
}

/** A pipeline of sharp that keeps to the limits and refuses images that are cut off or damaged. */
export function pipeline(bytes: Uint8Array, { maxPixels, maxSeconds }: ImageLimits): Sharp {
  return sharp(bytes, { limitInputPixels: maxPixels, failOn: "error", sequentialRead: true })
    .timeout({ seconds: maxSeconds })
    .autoOrient();
}

async function check(bytes: Uint8Array, limits: ImageLimits): Promise<{ width: number; height: number }> {
  if (bytes.length > limits.maxBytes)
    throw new ImageRejected(`${bytes.length} bytes are more than the ${limits.maxBytes} that are taken`);
  const kind = imageKind(bytes);
  const { autoOrient } = await header(bytes, kind);
  const { width, height } = autoOrient;
  if (width * height > limits.maxPixels)
    throw new ImageRejected(`${width} x ${height} pixels are more than the ${limits.maxPixels} that are taken`);
  return { width, height };
}

async function header(bytes: Uint8Array, kind: string): Promise<Metadata> {
  try {
    // Reads the header only, so that the pixels can be counted before any of them is decoded.
    return await sharp(bytes, { limitInputPixels: false }).metadata();
  } catch (cause) {
    throw new ImageRejected(`a damaged ${kind} image: ${firstLine((cause as Error).message)}`, { cause });
  }
}

function rgb(data: Buffer, channels: number): Uint8Array {
  if (channels === 3) return data;
  const pixels = data.length / channels;
  return Uint8Array.from({ length: 3 * pixels }, (_, at) => data[Math.floor(at / 3) * channels] ?? 0);
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}
