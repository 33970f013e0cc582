import { type Agent, type ClientRequest, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import { pipeline, type Readable } from "node:stream";

/** A body that is read anew for each request, so that a file larger than the memory can be sent. */
export interface StreamedBody {
  /** In bytes; what `open` gives has exactly as many. */
  readonly length: number;
  readonly open: () => Readable;
}

export interface LoadRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** One buffer may serve any number of requests. */
  readonly body?: Buffer | StreamedBody;
}

/** What came of one request. */
export interface Answer {
  /** 0 when no whole answer came. */
  readonly status: number;
  /** The beginning of the answer's body, or why none came. */
  readonly text: string;
  /** From the first byte sent to the last received: a new connection's time is not in it. */
  readonly latencyMs: number;
}

export interface ExchangeOptions {
  /** Keeps the connections; absent: Node's own agent. */
  readonly agent?: Agent;
  /** For all of it, the connection too. */
  readonly timeoutMs: number;
  /** How much of the answer's body is kept, in bytes; the rest is read and let go. */
  readonly keepBytes: number;
}

/**
 * Sends one request and reads the answer to its end. Never rejects, and never sends twice: whatever goes wrong is an
 * answer of status 0. Settles when the connection is free for the next one.
 */
export function exchange(request: LoadRequest, options: ExchangeOptions): Promise<Answer> {
  const { url, method, headers, body } = request;
  const secure = url.protocol === "https:";
  const length: Record<string, number> = body === undefined ? {} : { "content-length": body.length };
  return new Promise((resolve) => {
    let sentMs = performance.now();
    let whole: Answer | undefined;
    let failure: string | undefined;
    // An answer that broke off, or that ends with its connection, is closed after its request.
    let open = 1;
    const call = (secure ? httpsRequest : httpRequest)(url, {
      method,
      headers: { ...headers, ...length },
      ...(options.agent === undefined ? {} : { agent: options.agent }),
    });
    const timer = setTimeout(() => {
      failure ??= `no answer within ${options.timeoutMs} ms`;
      call.destroy();
    }, options.timeoutMs);
    call.on("socket", (socket: Socket) => {
      const start = () => {
        sentMs = performance.now();
      };
      if (socket.connecting) socket.once(secure ? "secureConnect" : "connect", start);
      else start();
    });
    const settle = () => {
      open -= 1;
      if (open > 0) return;
      clearTimeout(timer);
      const none = { status: 0, text: failure ?? "the connection was closed", latencyMs: performance.now() - sentMs };
      resolve(whole ?? none);
    };
    call.on("response", (response) => {
      open += 1;
      const kept: Buffer[] = [];
      let room = options.keepBytes;
      response.on("data", (chunk: Buffer) => {
        if (room > 0) kept.push(chunk.subarray(0, room));
        room -= chunk.length;
      });
      response.on("end", () => {
        const text = Buffer.concat(kept).toString();
        whole = { status: response.statusCode ?? 0, text, latencyMs: performance.now() - sentMs };
      });
      response.on("error", (error) => {
        failure ??= `the answer broke off: ${reason(error)}`;
      });
      response.on("close", settle);
    });
    call.on("error", (error) => {
      failure ??= reason(error);
    });
    call.on("close", settle);
    sendBody(call, body, (error) => {
      failure ??= reason(error);
    });
  });
}

function sendBody(call: ClientRequest, body: LoadRequest["body"], onError: (error: Error) => void): void {
  if (body === undefined || Buffer.isBuffer(body)) call.end(body);
  // An error of the file ends the call, whose close then settles the exchange.
  else pipeline(body.open(), call, (error) => void (error && onError(error)));
}

/** A connection that is refused on each of a name's addresses has no message of its own. */
function reason(error: Error): string {
  const { message, code } = error as NodeJS.ErrnoException;
  return message === "" ? (code ?? error.name) : message;
}
