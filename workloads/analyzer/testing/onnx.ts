/** Writes tiny ONNX models as protobuf bytes: field numbers are those of onnx.proto3, IR version 8. */
const varint = (value: number): number[] =>
  value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...varint(Math.floor(value / 0x80))];
const bytesField = (field: number, content: Uint8Array) =>
  Buffer.concat([Buffer.from([...varint(field * 8 + 2), ...varint(content.length)]), content]);
const text = (field: number, value: string) => bytesField(field, Buffer.from(value));
const integer = (field: number, value: number) => Buffer.from([...varint(field * 8), ...varint(value)]);
const message = (...fields: readonly Uint8Array[]) => Buffer.concat(fields);

const FLOAT = 1;
const INT64 = 7;

const tensorType = (dims: readonly number[]) => {
  const shape = message(...dims.map((size) => bytesField(1, integer(1, size))));
  return bytesField(1, message(integer(1, FLOAT), bytesField(2, shape)));
};
const value = (name: string, dims: readonly number[]) => message(text(1, name), bytesField(2, tensorType(dims)));
const tensor = (name: string, type: number, dims: readonly number[], raw: Uint8Array) =>
  message(...dims.map((size) => integer(1, size)), integer(2, type), text(8, name), bytesField(9, raw));
const node = (operation: string, inputs: readonly string[], output: string) =>
  message(...inputs.map((name) => text(1, name)), text(2, output), text(3, output), text(4, operation));

/**
 * A model that reduces its image to one mean brightness and adds `weights` times it to `points`: enough to see that the
 * image reaches the output.
 * @param inputShape e.g. `[1, 8, 8, 3]`
 * @param points 51 numbers; `weights` as many
 */
export function linearPoseModel(
  inputShape: readonly number[],
  points: readonly number[],
  weights: readonly number[],
): Buffer {
  const dims = [1, 1, points.length / 3, 3];
  const floats = (numbers: readonly number[]) => new Uint8Array(Float32Array.from(numbers).buffer);
  const graph = message(
    bytesField(1, node("GlobalAveragePool", ["image"], "means")),
    bytesField(1, node("ReduceMean", ["means"], "mean")),
    bytesField(1, node("Mul", ["mean", "weights"], "scaled")),
    bytesField(1, node("Add", ["scaled", "points"], "flat")),
    bytesField(1, node("Reshape", ["flat", "shape"], "keypoints")),
    text(2, "pose"),
    bytesField(5, tensor("weights", FLOAT, [points.length], floats(weights))),
    bytesField(5, tensor("points", FLOAT, [points.length], floats(points))),
    bytesField(5, tensor("shape", INT64, [dims.length], new Uint8Array(BigInt64Array.from(dims.map(BigInt)).buffer))),
    bytesField(11, value("image", inputShape)),
    bytesField(12, value("keypoints", dims)),
  );
  return message(integer(1, 8), bytesField(7, graph), bytesField(8, message(text(1, ""), integer(2, 13))));
}
