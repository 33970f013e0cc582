import { expect, it } from "vitest";
import { Duration } from "../../proto/generated/google/protobuf/duration.ts";
import { duration } from "./duration.ts";

it.each([
  [0, 0n, 0],
  [1500, 1n, 500_000_000],
  [0.25, 0n, 250_000],
  [1.005 * 1000, 1n, 5_000_000],
  [1999.9999999, 2n, 0],
  [86_400_000, 86_400n, 0],
])("%d ms", (ms, seconds, nanos) => {
  expect(duration(ms)).toEqual({ seconds, nanos });
  expect(Duration.decode(Duration.encode(duration(ms)).finish())).toEqual({ seconds, nanos });
});
