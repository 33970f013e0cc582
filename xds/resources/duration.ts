import type { Duration } from "../../proto/generated/google/protobuf/duration.ts";

/** @param ms not negative; protobuf takes whole nanoseconds only */
export function duration(ms: number): Duration {
  const nanos = Math.round(ms * 1e6);
  return { seconds: BigInt(Math.floor(nanos / 1e9)), nanos: nanos % 1e9 };
}
