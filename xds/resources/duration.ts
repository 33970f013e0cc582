import type { Duration } from "../../proto/generated/google/protobuf/duration.ts";

/** @param ms whole milliseconds, not negative */
export function duration(ms: number): Duration {
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1e6 };
}
