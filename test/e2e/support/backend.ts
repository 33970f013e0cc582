import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** A server behind Envoy that a test decides over. */
export interface Backend {
  readonly port: number;
  /** What it was asked, in order. */
  readonly requests: { readonly method: string; readonly url: string; readonly id: string }[];
  stop(): Promise<void>;
}

/** Starts an HTTP/1 server on loopback. The handler must read the body itself. */
export async function startBackend(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
  port = 0,
): Promise<Backend> {
  const requests: Backend["requests"] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer({ keepAliveTimeout: 72_000, requestTimeout: 0 }, (request, response) => {
    requests.push({
      method: request.method ?? "",
      url: request.url ?? "",
      id: String(request.headers["x-request-id"] ?? ""),
    });
    handler(request, response);
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    async stop() {
      for (const socket of sockets) socket.destroy();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Reads the whole body, then answers with how long it was. */
export function countBody(request: IncomingMessage, response: ServerResponse): void {
  let bytes = 0;
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
  });
  request.on("end", () => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ bytes }));
  });
}
