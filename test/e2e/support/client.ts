import { type IncomingHttpHeaders, request } from "node:http";
import { connect } from "node:net";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Sending {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | number>>;
  /** Sent in pieces, each when there is room. With no `content-length` header it goes chunked. */
  readonly body?: Iterable<Buffer>;
  /** Leave the request open after the body: what is said in `content-length` is never sent in full. */
  readonly unfinished?: boolean;
}

/** Sends one request on a connection of its own. Rejects when there is no whole answer. */
export async function send(url: string, sending: Sending = {}): Promise<Answer> {
  const client = request(url, {
    method: sending.method ?? (sending.body === undefined ? "GET" : "POST"),
    agent: false,
    ...(sending.headers === undefined ? {} : { headers: sending.headers }),
  });
  const answer = new Promise<Answer>((resolve, reject) => {
    client.on("error", reject);
    client.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        });
        if (sending.unfinished === true) client.destroy();
      });
    });
  });
  const settled = answer.then(
    () => true,
    () => true,
  );
  for (const piece of sending.body ?? []) {
    if (client.write(piece)) continue;
    const drained = new Promise((resolve) => client.once("drain", resolve));
    if ((await Promise.race([drained, settled])) === true) break;
  }
  if (sending.unfinished !== true) client.end();
  return await answer;
}

/** A body of so many zero bytes, in pieces. */
export function* zeros(bytes: number): Generator<Buffer> {
  const piece = Buffer.alloc(64 * 2 ** 10);
  for (let left = bytes; left > 0; left -= piece.length) yield left < piece.length ? piece.subarray(0, left) : piece;
}

/** Sends bytes as they are, and returns all that comes back until the server closes. */
export async function sendRaw(port: number, text: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", reject);
    socket.on("close", () => resolve(Buffer.concat(chunks).toString()));
  });
}
