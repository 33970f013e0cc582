import sharp from "sharp";
import { expect, test } from "vitest";
import { POSTURES } from "../estimate/estimator.ts";
import { goodImage } from "../testing/images.ts";
import { annotate, overlaySvg } from "./annotate.ts";
import { labelSvg } from "./label.ts";

const LIMITS = { maxBytes: 1_000_000, maxPixels: 1_000_000, maxSeconds: 20 };
const MARKS = [
  [
    { x: 0.5, y: 0.1 },
    { x: 0.5, y: 0.9 },
  ],
] as const;

test("marks are drawn where they were seen, in the posture's colour", async () => {
  const drawn = await annotate(
    await goodImage(0),
    { posture: "lying", confidence: 0.9, reason: "", marks: MARKS },
    LIMITS,
  );
  const { data, info } = await sharp(drawn).raw().toBuffer({ resolveWithObject: true });
  expect(info).toMatchObject({ width: 160, height: 120, channels: 3 });
  const at = 3 * (90 * 160 + 80);
  const [red = 0, green = 0, blue = 0] = data.subarray(at, at + 3);
  expect(red).toBeGreaterThan(green + 60);
  expect(red).toBeGreaterThan(blue + 60);
});

test("a large image becomes smaller", async () => {
  const large = await sharp({ create: { width: 2000, height: 500, channels: 3, background: "white" } })
    .png()
    .toBuffer();
  const drawn = await annotate(
    large,
    { posture: "unknown", confidence: 0, reason: "", marks: [] },
    {
      ...LIMITS,
      maxPixels: 2_000_000,
    },
  );
  expect(await sharp(drawn).metadata()).toMatchObject({ format: "jpeg", width: 1280, height: 320 });
});

test.each(POSTURES)("every letter of %s is known", (posture) => {
  for (const letter of posture) expect(labelSvg(letter, 1), letter).toMatch(/d="M/);
  expect(overlaySvg({ posture, confidence: 0.5, reason: "", marks: [] }, 100, 50)).toContain('width="100" height="50"');
});
