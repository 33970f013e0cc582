import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { EvenkeelError } from "../../../common/errors.ts";
import type { Estimator, RgbImage } from "./estimator.ts";
import { COCO_KEYPOINTS, judgeKeypoints, type Keypoint } from "./keypoints.ts";

const MAX_MODEL_BYTES = 512 * 2 ** 20;
const DEFAULT_SIDE = 192;
/** What lies beside the image when it is made square. */
const GREY = 128;

// Each worker thread has a model of its own; threads inside of one would only compete.
env.wasm.numThreads = 1;
env.logLevel = "error";

/** How a model wants its image. */
interface Input {
  readonly name: string;
  readonly type: "float32" | "int32" | "uint8";
  readonly isChannelsFirst: boolean;
  readonly width: number;
  readonly height: number;
}

/**
 * Loads an ONNX model that finds one person's 17 COCO keypoints: one input `[1, H, W, 3]` or `[1, 3, H, W]` of the colours
 * 0 to 255, one output of 51 float32: y, x (parts of the input image) and score of each keypoint, as MoveNet's.
 * @throws EvenkeelError EK_MODEL_INVALID
 */
export async function loadPoseModel(path: string): Promise<Estimator> {
  const bytes = await readModel(path);
  const invalid = (what: string, cause?: unknown) =>
    new EvenkeelError("EK_MODEL_INVALID", what, { where: path, cause });
  let session: InferenceSession;
  try {
    session = await InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  } catch (cause) {
    throw invalid(`it is no ONNX model that can be run: ${(cause as Error).message}`, cause);
  }
  const input = inputOf(session, invalid);
  const [output] = session.outputNames;
  if (output === undefined) throw invalid("it has no output");
  const run = async (image: RgbImage): Promise<readonly Keypoint[]> => {
    const results = await session.run({ [input.name]: tensorOf(image, input) });
    return keypointsOf(results[output], invalid);
  };
  // A first image of nothing tells whether the output fits, before any message is taken.
  await run({ width: 1, height: 1, data: new Uint8Array(3) });
  const digest = createHash("sha256").update(bytes).digest("hex").slice(0, 8);
  return {
    name: `${basename(path)}-${digest}`,
    longestSide: Math.max(input.width, input.height),
    async estimate(image) {
      const points = (await run(image)).map((point) => inImage(point, image, input));
      return judgeKeypoints(points, image.width / image.height);
    },
  };
}

async function readModel(path: string): Promise<Uint8Array> {
  try {
    const bytes = await readFile(path);
    if (bytes.length > MAX_MODEL_BYTES) throw new Error(`it is larger than ${MAX_MODEL_BYTES} bytes`);
    return bytes;
  } catch (cause) {
    throw new EvenkeelError("EK_MODEL_INVALID", `it cannot be read: ${(cause as Error).message}`, {
      where: path,
      cause,
    });
  }
}

function inputOf(session: InferenceSession, invalid: (what: string) => EvenkeelError): Input {
  const [metadata, ...more] = session.inputMetadata;
  if (metadata === undefined || more.length > 0) throw invalid(`it has ${1 + more.length} inputs, not one image`);
  if (!metadata.isTensor) throw invalid(`its input ${metadata.name} is no tensor`);
  const { name, type, shape } = metadata;
  const isChannelsFirst = shape[1] === 3;
  if (shape.length !== 4 || (!isChannelsFirst && shape[3] !== 3))
    throw invalid(`its input ${name} has the shape [${shape.join(", ")}], neither [1, H, W, 3] nor [1, 3, H, W]`);
  if (type !== "float32" && type !== "int32" && type !== "uint8")
    throw invalid(`its input ${name} is of the type ${type}, not float32, int32 or uint8`);
  const side = (size: number | string | undefined) => (typeof size === "number" && size > 0 ? size : DEFAULT_SIDE);
  const [height, width] = isChannelsFirst ? [side(shape[2]), side(shape[3])] : [side(shape[1]), side(shape[2])];
  return { name, type, isChannelsFirst, width, height };
}

/** Where the image lies in the input: as large as it fits, in the middle. */
function placeOf(image: RgbImage, input: Input) {
  const scale = Math.min(input.width / image.width, input.height / image.height);
  const left = (input.width - image.width * scale) / 2;
  const top = (input.height - image.height * scale) / 2;
  return { scale, left, top };
}

function tensorOf(image: RgbImage, input: Input): Tensor {
  const { width, height, isChannelsFirst, type } = input;
  const { scale, left, top } = placeOf(image, input);
  const values = new (type === "float32" ? Float32Array : type === "int32" ? Int32Array : Uint8Array)(
    3 * width * height,
  );
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const from = { x: Math.floor((x + 0.5 - left) / scale), y: Math.floor((y + 0.5 - top) / scale) };
      const isInside = from.x >= 0 && from.y >= 0 && from.x < image.width && from.y < image.height;
      for (let channel = 0; channel < 3; channel += 1) {
        const value = isInside ? (image.data[3 * (from.y * image.width + from.x) + channel] ?? GREY) : GREY;
        const pixel = y * width + x;
        values[isChannelsFirst ? channel * width * height + pixel : 3 * pixel + channel] = value;
      }
    }
  return new Tensor(type, values, isChannelsFirst ? [1, 3, height, width] : [1, height, width, 3]);
}

function keypointsOf(output: Tensor | undefined, invalid: (what: string) => EvenkeelError): readonly Keypoint[] {
  const data = output?.data;
  if (!(data instanceof Float32Array) || data.length !== 3 * COCO_KEYPOINTS)
    throw invalid(`its output is ${output?.type} [${output?.dims.join(", ")}], not 17 keypoints of three float32`);
  return Array.from({ length: COCO_KEYPOINTS }, (_, index) => ({
    y: finite(data[3 * index]),
    x: finite(data[3 * index + 1]),
    score: finite(data[3 * index + 2]),
  }));
}

/** From parts of the input to parts of the image. */
function inImage(point: Keypoint, image: RgbImage, input: Input): Keypoint {
  const { scale, left, top } = placeOf(image, input);
  return {
    x: (point.x * input.width - left) / (image.width * scale),
    y: (point.y * input.height - top) / (image.height * scale),
    score: point.score,
  };
}

function finite(value: number | undefined): number {
  return value !== undefined && Number.isFinite(value) ? value : 0;
}
