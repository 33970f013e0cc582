import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished, vi } from "vitest";

export interface TestServer {
  readonly url: string;
  /** How many connections were made to it. */
  connections(): number;
}

/** An HTTP server on loopback for the time of the test. */
export async function serve(listener: RequestListener): Promise<TestServer> {
  const server = createServer(listener);
  // On a machine that halts for seconds, a kept connection would end just as it is used again.
  server.keepAliveTimeout = 0;
  let connections = 0;
  server.on("connection", () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, connections: () => connections };
}

/** A listener that reads each request whole, and answers the nth (from 0) as `answer` says. */
export function answering(answer: (index: number, body: Buffer, request: IncomingMessage) => [number, string]) {
  let count = 0;
  return async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = await request.toArray();
    const [status, text] = answer(count, Buffer.concat(chunks), request);
    count += 1;
    response.writeHead(status).end(text);
  };
}

/** Runs a command, and returns its exit code with what it wrote. */
export async function captured(run: () => Promise<number>): Promise<{ code: number; output: string; errors: string }> {
  const written = { stdout: "", stderr: "" };
  const spies = (["stdout", "stderr"] as const).map((name) =>
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      written[name] += String(text);
      return true;
    }),
  );
  try {
    return { code: await run(), output: written.stdout, errors: written.stderr };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
