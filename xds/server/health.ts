import { type Server, type ServerWritableStream, status } from "@grpc/grpc-js";
import {
  type HealthCheckRequest,
  HealthCheckResponse,
  type HealthServer,
  HealthService,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../proto/generated/grpc/health/v1/health.ts";

export interface HealthOptions {
  readonly ready: () => boolean;
  /** The services that it answers for by name; the empty name is the whole server. */
  readonly services: readonly string[];
  /** How often a watched state is looked at, in ms. */
  readonly watchIntervalMs: number;
}

/**
 * The gRPC health checking protocol.
 * @see https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 */
export function addHealthService(server: Server, { ready, services, watchIntervalMs }: HealthOptions): void {
  const known = new Set(["", ...services]);
  const now = (): ServingStatus => (ready() ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);
  const implementation: HealthServer = {
    check(call, done) {
      const { service } = call.request;
      if (known.has(service)) done(null, HealthCheckResponse.create({ status: now() }));
      else done({ code: status.NOT_FOUND, details: `no service ${service} here` });
    },
    watch(call: ServerWritableStream<HealthCheckRequest, HealthCheckResponse>) {
      const look = (): ServingStatus => (known.has(call.request.service) ? now() : ServingStatus.SERVICE_UNKNOWN);
      let told = look();
      call.write(HealthCheckResponse.create({ status: told }));
      const timer = setInterval(() => {
        // What a caller that does not read has missed is told as it is when it reads again.
        if (look() === told || call.writableNeedDrain) return;
        told = look();
        call.write(HealthCheckResponse.create({ status: told }));
      }, watchIntervalMs);
      timer.unref();
      call.once("close", () => clearInterval(timer));
    },
  };
  server.addService(HealthService, implementation);
}
