import { fastify } from "fastify";
import type { Registry } from "prom-client";
import { EvenkeelError } from "../../common/errors.ts";

/** What the console shows; each is asked for only when somebody looks. */
export interface ConsoleSources {
  readonly registry: Registry;
  /** Why we are not ready, for a person; undefined when we are. */
  readonly notReady: () => string | undefined;
  /** A JSON view of the fleet: endpoints with their signals, ages and weights. */
  readonly fleet: () => unknown;
  /** A JSON view of the connected clients. */
  readonly clients: () => unknown;
  /** A JSON view of the cluster's own sources of CPU figures: their state, and what would mend it. */
  readonly signals: () => unknown;
}

/**
 * The control plane's HTTP side, read only: `/metrics`, `/healthz`, `/readyz`, `/fleet`, `/clients`, `/signals`.
 * @throws EvenkeelError EK_PORT_IN_USE, EK_SETTING_INVALID
 */
export async function startConsole(
  sources: ConsoleSources,
  listen: { host: string; port: number },
): Promise<{ port: number; stop(): Promise<void> }> {
  const app = fastify({ forceCloseConnections: true, requestTimeout: 10_000 });
  app.get("/metrics", async (_request, reply) => {
    reply.type(sources.registry.contentType);
    return sources.registry.metrics();
  });
  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", async (_request, reply) => {
    const reason = sources.notReady();
    if (reason !== undefined) reply.code(503);
    return reason === undefined ? { status: "ready" } : { status: "not ready", detail: reason };
  });
  app.get("/fleet", async () => sources.fleet());
  app.get("/clients", async () => sources.clients());
  app.get("/signals", async () => sources.signals());
  app.setNotFoundHandler((_request, reply) => {
    reply.code(404).send({ detail: "not found: try /metrics, /healthz, /readyz, /fleet, /clients or /signals" });
  });
  try {
    await app.listen(listen);
  } catch (cause) {
    const where = `${listen.host}:${listen.port}`;
    if ((cause as NodeJS.ErrnoException).code === "EADDRINUSE")
      throw new EvenkeelError("EK_PORT_IN_USE", `the console cannot be served on ${where}`, { where, cause });
    throw new EvenkeelError("EK_SETTING_INVALID", `the console cannot be served: ${(cause as Error).message}`, {
      where,
      next: "give an address of this machine and a port that this user may take",
      cause,
    });
  }
  return { port: (app.server.address() as { port: number }).port, stop: () => app.close() };
}
