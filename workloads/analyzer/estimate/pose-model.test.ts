import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { EvenkeelError } from "../../../common/errors.ts";
import { testFolder } from "../../../common/program/testing.ts";
import { linearPoseModel } from "../testing/onnx.ts";
import { loadPoseModel } from "./pose-model.ts";

/** y, x, score of one who stands: shoulders above hips above knees. */
const STANDING: readonly number[] = Array.from({ length: 17 }, (_, index) => [
  index < 5 ? 0.1 : 0.1 + 0.05 * (index - 4),
  0.5,
  0.9,
]).flat();
/** Slants the body by half of its height when the image is white, not at all when it is black. */
const ACROSS: readonly number[] = Array.from({ length: 17 }, (_, index) => [0, (index - 8) / 255 / 40, 0]).flat();

async function modelFile(bytes: Uint8Array): Promise<string> {
  const path = join(await testFolder(), "pose.onnx");
  await writeFile(path, bytes);
  return path;
}

const plain = (width: number, height: number, level: number) => ({
  width,
  height,
  data: new Uint8Array(3 * width * height).fill(level),
});

async function fault(path: string): Promise<EvenkeelError> {
  const error = await loadPoseModel(path).catch((thrown: unknown) => thrown);
  if (error instanceof EvenkeelError) return error;
  throw new Error("the model was taken");
}

describe("loadPoseModel", () => {
  test.each([
    ["channels last", [1, 8, 8, 3]],
    ["channels first", [1, 3, 8, 8]],
  ])("a model whose image has its %s sees the image", async (_, shape) => {
    const estimator = await loadPoseModel(await modelFile(linearPoseModel(shape, STANDING, ACROSS)));
    expect(estimator.longestSide).toBe(8);
    expect(estimator.name).toMatch(/^pose\.onnx-[0-9a-f]{8}$/);
    expect(await estimator.estimate(plain(8, 8, 0))).toMatchObject({ posture: "upright", confidence: 0.9 });
    expect(await estimator.estimate(plain(8, 8, 255))).toMatchObject({ posture: "leaning" });
  });

  test("keypoints of the square input become points of an image that is not square", async () => {
    const estimator = await loadPoseModel(
      await modelFile(linearPoseModel([1, 3, 8, 8], STANDING, new Array<number>(51).fill(0))),
    );
    const { marks } = await estimator.estimate(plain(4, 8, 0));
    for (const { x } of marks.flat()) expect(x).toBeCloseTo(0.5);
    const wide = await estimator.estimate(plain(8, 4, 0));
    // The input's upper quarter is beside the wide image: a shoulder at 0.15 is above it.
    expect(Math.min(...wide.marks.flat().map(({ y }) => y))).toBe(0);
  });

  test.each([
    ["text", Buffer.from("no model"), "no ONNX model"],
    ["an input of two dimensions", linearPoseModel([1, 192], STANDING, ACROSS), "shape [1, 192]"],
    ["another number of points", linearPoseModel([1, 3, 8, 8], [0, 0, 0], [0, 0, 0]), "not 17 keypoints"],
  ])("%s is refused", async (_, bytes, what) => {
    const error = await fault(await modelFile(bytes));
    expect(error.code).toBe("EK_MODEL_INVALID");
    expect(error.message).toContain(what);
  });

  test("a file that is not there is named", async () => {
    expect((await fault("/no/such/pose.onnx")).where).toBe("/no/such/pose.onnx");
  });
});
