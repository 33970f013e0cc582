import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Registry } from "prom-client";
import { EvenkeelError } from "../common/errors.ts";

export interface HttpOptions {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  readonly registry: Registry;
  /** Why this replica could not do its work; undefined: it is ready. */
  readonly notReady: () => string | undefined;
}

export interface HttpServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * `GET /healthz` (200 while the process works at all), `/readyz` (200 or 503 with why), `/metrics` (Prometheus text).
 * @throws EvenkeelError EK_PORT_IN_USE
 */
export async function serveHttp({ host, port, registry, notReady }: HttpOptions): Promise<HttpServer> {
  const server = createServer((request, response) => {
    const path = request.url?.split("?")[0];
    if (path === "/healthz") send(response, 200, "ok\n");
    else if (path === "/readyz") {
      const reason = notReady();
      send(response, reason === undefined ? 200 : 503, `${reason ?? "ok"}\n`);
    } else if (path === "/metrics") {
      registry.metrics().then(
        (text) => send(response, 200, text, registry.contentType),
        (error: unknown) => send(response, 500, `${String(error)}\n`),
      );
    } else send(response, 404, "GET /healthz, /readyz or /metrics\n");
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", (cause) =>
    reject(new EvenkeelError("EK_PORT_IN_USE", cause.message, { where: `${host}:${port}`, cause })),
  );
  server.listen(port, host, resolve);
  await promise;
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

function send(response: ServerResponse, code: number, body: string, type = "text/plain"): void {
  response.writeHead(code, { "content-type": type }).end(body);
}
