import { describe, expect, test } from "vitest";
import { DRAWN, drawFigure } from "../../../cli/load/posture/figure.ts";
import { estimateSilhouette } from "./silhouette-estimator.ts";

/** Numbers from 0 to 1 that look random and are the same in every run (a linear congruential generator). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe.each(DRAWN)("a drawn figure that is %s", (posture) => {
  test.each([
    ["dark on light", {}],
    ["light on dark", { ink: 220, paper: 30 }],
    ["mirrored", { mirrored: true }],
    ["small", { size: 0.4 }],
    ["large", { size: 0.95 }],
    ["with noise", { noise: 12, random: numbers(1) }],
    ["in a wide image", { width: 192, height: 100 }],
    ["in a high image", { width: 100, height: 192 }],
    ["turned a little", { tiltDegrees: 5 }],
    ["turned back a little", { tiltDegrees: -5 }],
    ["of low contrast", { ink: 150, paper: 190 }],
  ])("is told: %s", (_, options) => {
    const estimate = estimateSilhouette(drawFigure({ posture, width: 160, height: 160, ...options }));
    expect(estimate).toMatchObject({ posture });
    expect(estimate.confidence).toBeGreaterThan(0.2);
    expect(estimate.confidence).toBeLessThanOrEqual(1);
    expect(estimate.reason).not.toBe("");
    for (const { x, y } of estimate.marks.flat()) {
      expect(x).toBeGreaterThanOrEqual(0);
      expect(x).toBeLessThanOrEqual(1);
      expect(y).toBeGreaterThanOrEqual(0);
      expect(y).toBeLessThanOrEqual(1);
    }
  });
});

describe("what is no figure", () => {
  const plain = (width: number, height: number, level: (pixel: number) => number) => ({
    width,
    height,
    data: Uint8Array.from({ length: 3 * width * height }, (_, at) => level(Math.floor(at / 3))),
  });

  test("an even image shows nothing", () => {
    expect(estimateSilhouette(plain(40, 40, () => 128))).toMatchObject({
      posture: "unknown",
      confidence: 0,
      marks: [],
    });
  });

  test("noise alone shows nothing that is trusted", () => {
    const random = numbers(2);
    expect(estimateSilhouette(plain(80, 80, () => Math.floor(random() * 256))).confidence).toBeLessThan(0.2);
  });

  test("a speck is not judged", () => {
    const estimate = estimateSilhouette(plain(100, 100, (pixel) => (pixel === 5050 ? 0 : 255)));
    expect(estimate).toMatchObject({ posture: "unknown" });
    expect(estimate.reason).toContain("0.0 % of the image");
  });

  test("a square is compact, and one pixel is an image too", () => {
    const square = plain(60, 60, (pixel) => {
      const [x, y] = [pixel % 60, Math.floor(pixel / 60)];
      return x >= 20 && x < 40 && y >= 20 && y < 40 ? 0 : 255;
    });
    expect(estimateSilhouette(square).reason).toContain("a compact shape");
    expect(estimateSilhouette(plain(1, 1, () => 7)).posture).toBe("unknown");
  });

  test("figures before a bright or a dark background are equally sure", () => {
    const [dark, light] = [
      drawFigure({ posture: "upright", width: 120, height: 120 }),
      drawFigure({ posture: "upright", width: 120, height: 120, ink: 210, paper: 40 }),
    ].map(estimateSilhouette);
    expect(dark?.confidence).toBe(light?.confidence);
  });
});
