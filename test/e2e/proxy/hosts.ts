import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** What a host was asked, as it arrived. */
export interface Arrived {
  readonly method: string;
  readonly url: string;
  /** Names and values in turn, with the capital letters they came with. */
  readonly rawHeaders: readonly string[];
  readonly trailers: readonly string[];
  readonly bytes: number;
  readonly chunked: boolean;
  readonly httpVersion: string;
}

/** A host behind the proxy. */
export interface Host {
  readonly address: string;
  readonly port: number;
  readonly server: Server;
  /** Requests so far. */
  requests(): number;
  /** What came last, whole; of hosts that echo. */
  last(): Arrived | undefined;
  /** Takes its place away: what connects there is refused, what is open is cut. */
  die(): Promise<void>;
  /** Listens there again. */
  revive(): Promise<void>;
  stop(): Promise<void>;
}

/** Reads a request to its end and tells what arrived. */
function whole(request: IncomingMessage, tell: (arrived: Arrived) => void): void {
  let bytes = 0;
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
  });
  request.on("end", () => {
    tell({
      method: request.method ?? "",
      url: request.url ?? "",
      rawHeaders: request.rawHeaders,
      trailers: request.rawTrailers,
      bytes,
      chunked: request.headers["transfer-encoding"] === "chunked",
      httpVersion: request.httpVersion,
    });
  });
}

export interface HostOptions {
  /** A loopback address of its own keeps other programs' ports out of the way. */
  readonly address?: string;
  readonly server?: (listener: RequestListener) => Server;
  readonly listener?: RequestListener;
}

/** Starts a host on loopback; it answers with what arrived unless it is told otherwise. */
export async function startHost(options: HostOptions = {}): Promise<Host> {
  const { address = "127.0.0.1" } = options;
  let count = 0;
  let last: Arrived | undefined;
  const echo: RequestListener = (request, response) =>
    whole(request, (arrived) => {
      last = arrived;
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify(arrived));
    });
  const listener = options.listener ?? echo;
  const sockets = new Set<Socket>();
  const counted: RequestListener = (request, response) => {
    count += 1;
    listener(request, response);
  };
  const server =
    options.server?.(counted) ??
    createServer({ maxHeaderSize: 2 ** 20, keepAliveTimeout: 60_000, requestTimeout: 0 }, counted);
  server.maxHeadersCount = 0;
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    // A client that goes away is no failure of the host.
    socket.on("error", () => undefined);
  });
  const listen = async (port: number) =>
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, address, resolve);
    });
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const die = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    address,
    port,
    server,
    requests: () => count,
    last: () => last,
    die,
    revive: async () => await listen(port),
    stop: async () => {
      if (server.listening) await die();
    },
  };
}
