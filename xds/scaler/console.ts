import { fastify } from "fastify";
import type { Registry } from "prom-client";
import { describeError, EvenkeelError } from "../../common/errors.ts";

/** What the HTTP side shows; each is asked for only when somebody looks. A throw is a 503 that says why. */
export interface ScalerConsoleSources {
  readonly registry: Registry;
  /** Why we are not ready; undefined when we are. */
  readonly notReady: () => string | undefined;
  /** JSON by path, e.g. `/nodes`. */
  readonly views: Readonly<Record<string, () => Promise<unknown>>>;
}

/**
 * The scaler's HTTP side, read only: `/metrics`, `/healthz`, `/readyz` and the views.
 * @throws EvenkeelError EK_PORT_IN_USE
 */
export async function startScalerConsole(
  { registry, notReady, views }: ScalerConsoleSources,
  listen: { readonly host: string; readonly port: number },
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const app = fastify({ forceCloseConnections: true, requestTimeout: 10_000 });
  app.get("/metrics", async (_request, reply) => {
    reply.type(registry.contentType);
    return registry.metrics();
  });
  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", async (_request, reply) => {
    const detail = notReady();
    if (detail !== undefined) reply.code(503);
    return detail === undefined ? { status: "ready" } : { status: "not ready", detail };
  });
  for (const [path, view] of Object.entries(views))
    app.get(path, async (_request, reply) => {
      try {
        return await view();
      } catch (error) {
        reply.code(503);
        return { detail: describeError(error) };
      }
    });
  const paths = ["/metrics", "/healthz", "/readyz", ...Object.keys(views)].join(", ");
  app.setNotFoundHandler((_request, reply) => {
    reply.code(404).send({ detail: `not found: there are ${paths}` });
  });
  try {
    await app.listen(listen);
  } catch (cause) {
    throw new EvenkeelError("EK_PORT_IN_USE", `HTTP cannot be served there: ${(cause as Error).message}`, {
      where: `${listen.host}:${listen.port}`,
      cause,
    });
  }
  return { port: (app.server.address() as { port: number }).port, stop: () => app.close() };
}
