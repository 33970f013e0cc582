import type { ServerUnaryCall, ServerWritableStream, sendUnaryData } from "@grpc/grpc-js";
import {
  type HealthCheckRequest,
  type HealthCheckResponse,
  type HealthServer,
  HealthCheckResponse_ServingStatus as Serving,
} from "../../proto/generated/grpc/health/v1/health.ts";
import type { Measurement } from "./measurement.ts";

/** gRPC's health service, for every service name alike: serving while there is something to measure. */
export function healthService(measurement: Measurement): HealthServer {
  const answer = (present: boolean): HealthCheckResponse => ({
    status: present ? Serving.SERVING : Serving.NOT_SERVING,
  });
  return {
    check(
      _call: ServerUnaryCall<HealthCheckRequest, HealthCheckResponse>,
      done: sendUnaryData<HealthCheckResponse>,
    ): void {
      done(null, answer(measurement.present));
    },
    watch(call: ServerWritableStream<HealthCheckRequest, HealthCheckResponse>): void {
      call.write(answer(measurement.present));
      const stop = measurement.onPresence((present) => call.write(answer(present)));
      for (const end of ["cancelled", "close", "error"]) call.on(end, stop);
    },
  };
}
