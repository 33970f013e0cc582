import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { badImages, goodImage } from "../testing/images.ts";
import { decode, ImageRejected } from "./decode.ts";

const LIMITS = { maxBytes: 1_000_000, maxPixels: 1_000_000, maxSeconds: 20 };

describe("decode", () => {
  test("a good image is made small and keeps its size", async () => {
    const decoded = await decode(await goodImage(1), LIMITS, 80);
    expect(decoded).toMatchObject({ width: 160, height: 120, small: { width: 80, height: 60 } });
    expect(decoded.small.data).toHaveLength(3 * 80 * 60);
  });

  test("a small image is not made larger; grey, transparent and turned ones are images too", async () => {
    const raw = { width: 10, height: 4, channels: 3 } as const;
    const plain = sharp(Buffer.alloc(120, 200), { raw });
    expect((await decode(await plain.clone().png().toBuffer(), LIMITS, 80)).small).toMatchObject({
      width: 10,
      height: 4,
    });
    const grey = await decode(await plain.clone().greyscale().toColourspace("b-w").png().toBuffer(), LIMITS, 80);
    expect(grey.small.data).toEqual(Buffer.alloc(120, 200));
    const clear = await decode(await plain.clone().ensureAlpha(0).webp({ lossless: true }).toBuffer(), LIMITS, 80);
    expect(clear.small.data).toEqual(Buffer.alloc(120, 255));
    const turned = await decode(await plain.clone().jpeg().withMetadata({ orientation: 6 }).toBuffer(), LIMITS, 80);
    expect(turned).toMatchObject({ width: 4, height: 10, small: { width: 4, height: 10 } });
  });

  test("bad images are rejected with a reason", async () => {
    for (const [name, bytes, reason] of await badImages()) {
      const error = await decode(bytes, LIMITS, 80).catch((thrown: unknown) => thrown);
      expect(error, name).toBeInstanceOf(ImageRejected);
      expect((error as Error).message, name).toContain(reason);
      expect((error as Error).message, name).not.toContain("\n");
    }
  });

  test("a message that is too large is not even looked at", async () => {
    await expect(decode(Buffer.alloc(11), { ...LIMITS, maxBytes: 10 }, 80)).rejects.toThrow(
      "11 bytes are more than the 10 that are taken",
    );
  });
});
