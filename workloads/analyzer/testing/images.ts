import { crc32, deflateSync } from "node:zlib";
import { drawImage } from "../../../cli/load/posture/image.ts";

/** A small good image; each number gives another one. */
export async function goodImage(index: number): Promise<Buffer> {
  return (await drawImage({ index, width: 160, height: 120 })).bytes;
}

/** A PNG that says that it has many pixels, and has none. */
export function hugePng(width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const start = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([start, chunk("IHDR", header), chunk("IDAT", deflateSync(Buffer.alloc(64))), chunk("IEND")]);
}

/** Messages that are no good images, each with a word of the reason that is to be told. */
export async function badImages(): Promise<readonly (readonly [name: string, bytes: Buffer, reason: string])[]> {
  const good = await goodImage(0);
  return [
    ["empty", Buffer.alloc(0), "empty"],
    ["a PDF named .jpg", Buffer.from("%PDF-1.7\n1 0 obj\n"), "a PDF document"],
    ["of 100 megapixels", hugePng(10_000, 10_000), "10000 x 10000 pixels"],
    ["truncated", good.subarray(0, Math.floor(good.length / 2)), "pixels cannot be decoded"],
    ["only a header", good.subarray(0, 20), "damaged JPEG"],
    ["noise", Buffer.from("just some text"), "unknown bytes"],
  ];
}

function chunk(type: string, data: Buffer = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}
