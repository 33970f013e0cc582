import type { RgbImage } from "./estimator.ts";

/** One byte of brightness for each pixel, row by row from the top. */
export interface GreyImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** The pixels of the largest thing that is unlike the background. */
export interface Silhouette {
  readonly width: number;
  readonly height: number;
  /** 1 for its pixels, 0 for all others. */
  readonly mask: Uint8Array;
  /** Its pixels. */
  readonly area: number;
  /** By how much its pixels differ from the background, in steps of 256, on average. */
  readonly contrast: number;
  /** By how much the background itself varies, in the same steps (median absolute deviation). */
  readonly unevenness: number;
}

/** Below this a difference of brightness is noise of a camera or of JPEG, in steps of 256. */
const LEAST_DIFFERENCE = 24;
/** In units of the background's own variation; 3 to 4 deviations are the usual bound for outliers. */
const DEVIATIONS = 4;

/** Brightness as ITU-R BT.601 weighs the colours. */
export function greyOf({ width, height, data }: RgbImage): GreyImage {
  const grey = new Uint8Array(width * height);
  for (let pixel = 0; pixel < grey.length; pixel += 1) {
    const at = 3 * pixel;
    grey[pixel] = Math.round(0.299 * byte(data, at) + 0.587 * byte(data, at + 1) + 0.114 * byte(data, at + 2));
  }
  return { width, height, data: grey };
}

/** Finds what stands out from the brightness of the image's border; undefined when nothing does. */
export function findSilhouette(image: GreyImage): Silhouette | undefined {
  const { width, height, data } = image;
  const border = borderOf(image);
  const level = median(border);
  const unevenness = median(border.map((value) => Math.abs(value - level)));
  const threshold = Math.max(LEAST_DIFFERENCE, DEVIATIONS * unevenness);
  const different = Uint8Array.from(data, (value) => (Math.abs(value - level) > threshold ? 1 : 0));
  const pixels = largestComponent(different, width);
  if (pixels.length === 0) return undefined;
  const mask = new Uint8Array(data.length);
  let difference = 0;
  for (const pixel of pixels) {
    mask[pixel] = 1;
    difference += Math.abs(byte(data, pixel) - level);
  }
  return { width, height, mask, area: pixels.length, contrast: difference / pixels.length, unevenness };
}

function borderOf({ width, height, data }: GreyImage): number[] {
  const values: number[] = [];
  for (let x = 0; x < width; x += 1) values.push(byte(data, x), byte(data, (height - 1) * width + x));
  for (let y = 1; y < height - 1; y += 1) values.push(byte(data, y * width), byte(data, y * width + width - 1));
  return values;
}

/** The pixels of the largest group of set neighbours (left, right, above, below). */
function largestComponent(set: Uint8Array, width: number): readonly number[] {
  const seen = new Uint8Array(set.length);
  let largest: number[] = [];
  for (let start = 0; start < set.length; start += 1) {
    if (set[start] === 0 || seen[start] === 1) continue;
    const group = fill(set, seen, start, width);
    if (group.length > largest.length) largest = group;
  }
  return largest;
}

function fill(set: Uint8Array, seen: Uint8Array, start: number, width: number): number[] {
  const group = [start];
  seen[start] = 1;
  // The list grows while it is walked: every pixel of the group is visited once.
  for (let index = 0; index < group.length; index += 1) {
    const pixel = group[index] as number;
    const x = pixel % width;
    const neighbours = [
      pixel - width,
      pixel + width,
      ...(x > 0 ? [pixel - 1] : []),
      ...(x < width - 1 ? [pixel + 1] : []),
    ];
    for (const next of neighbours)
      if (set[next] === 1 && seen[next] === 0) {
        seen[next] = 1;
        group.push(next);
      }
  }
  return group;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function byte(data: Uint8Array, at: number): number {
  return data[at] ?? 0;
}
