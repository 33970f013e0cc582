import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, onTestFinished, test } from "vitest";
import { testFolder } from "../../../common/program/testing.ts";
import { badImages, goodImage } from "../testing/images.ts";
import { AnalysisPool, type PoolOptions } from "./pool.ts";

const LIMITS = { maxBytes: 1_000_000, maxPixels: 1_000_000, maxSeconds: 60 };
const SLOW_MS = 120_000;

async function start(options: Partial<PoolOptions> = {}): Promise<AnalysisPool> {
  const pool = await AnalysisPool.start({ workers: 2, limits: LIMITS, imageMs: 60_000, ...options });
  onTestFinished(() => pool.close());
  return pool;
}

describe("AnalysisPool", () => {
  test(
    "analyses in threads, rejects what is no image, and goes on",
    async () => {
      const pool = await start();
      expect(pool.estimator).toBe("silhouette-1");
      const bad = await badImages();
      const outcomes = await Promise.all([
        ...bad.map(([, bytes]) => pool.analyse(bytes)),
        ...[0, 1, 2, 3].map(async (index) => pool.analyse(await goodImage(index))),
      ]);
      expect(outcomes.map(({ kind }) => kind)).toEqual([
        ...bad.map(() => "rejected"),
        ...[0, 1, 2, 3].map(() => "analysed"),
      ]);
      for (const [index, [, , reason]] of bad.entries())
        expect(outcomes[index]).toMatchObject({ reason: expect.stringContaining(reason) });
      expect(outcomes.at(-1)).toMatchObject({ width: 160, height: 120, estimate: { posture: "lying" } });
    },
    SLOW_MS,
  );

  test(
    "an image that takes too long is rejected, and its thread is replaced",
    async () => {
      const pool = await start({ workers: 1, imageMs: 1, limits: { ...LIMITS, maxPixels: 25_000_000 } });
      const image = await sharp({ create: { width: 5000, height: 5000, channels: 3, background: "white" } })
        .png()
        .toBuffer();
      // A thread that was ended holds up nobody: the second image gets another one.
      for (let times = 0; times < 2; times += 1)
        expect(await pool.analyse(image)).toEqual({
          kind: "rejected",
          reason: "its analysis was not done after 0.001 s",
        });
    },
    SLOW_MS,
  );

  test(
    "what waits is not given to a thread that is ended",
    async () => {
      const pool = await start({ imageMs: 40, limits: { ...LIMITS, maxPixels: 25_000_000 } });
      const image = await sharp({ create: { width: 5000, height: 5000, channels: 3, background: "white" } })
        .png()
        .toBuffer();
      const outcomes = await Promise.all(Array.from({ length: 6 }, () => pool.analyse(image)));
      for (const outcome of outcomes)
        expect(outcome).toMatchObject({ reason: "its analysis was not done after 0.04 s" });
    },
    SLOW_MS,
  );

  test(
    "a model that cannot be used is named before any image is taken",
    async () => {
      const model = join(await testFolder(), "none.onnx");
      await expect(start({ model })).rejects.toThrow(`EK_MODEL_INVALID ${model}`);
    },
    SLOW_MS,
  );

  test(
    "what waits fails when it is closed",
    async () => {
      const pool = await start({ workers: 1 });
      const image = await goodImage(0);
      const results = Promise.allSettled([0, 1, 2].map(() => pool.analyse(image)));
      await pool.close();
      expect((await results).at(-1)).toMatchObject({ status: "rejected", reason: new Error("the pool is closed") });
    },
    SLOW_MS,
  );
});
