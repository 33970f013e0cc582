import type { Server } from "@grpc/grpc-js";

/** Ends a gRPC server once its calls have ended, by force after `graceMs`. */
export async function shutDownGrpc(server: Server, graceMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, graceMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
