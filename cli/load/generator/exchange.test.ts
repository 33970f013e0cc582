import { once } from "node:events";
import { createServer } from "node:net";
import { Readable } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import { freePorts } from "../../../common/ports.ts";
import { answering, serve } from "../test-support.ts";
import { keptConnections } from "./connections.ts";
import { exchange, type LoadRequest } from "./exchange.ts";

const LONG_MS = 30_000;

const send = (request: LoadRequest, options: { timeoutMs?: number; keepBytes?: number } = {}) => {
  const agent = keptConnections(request.url, 1);
  return exchange(request, { agent, timeoutMs: LONG_MS, keepBytes: 100, ...options }).finally(() => agent.destroy());
};

/** A server that says what it is told to each connection's first bytes, and then closes it. */
async function saying(text: string): Promise<URL> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end(text));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return new URL(`http://127.0.0.1:${(server.address() as { port: number }).port}/`);
}

test("sends method, path, headers and body, and keeps the beginning of the answer", async () => {
  const { url } = await serve(
    answering((_, body, request) => {
      const { host, "content-length": length } = request.headers;
      return [201, `${request.method} ${request.url} ${host} ${length} ${body}`];
    }),
  );
  const request = { url: new URL("/a?b=c", url), method: "PUT", headers: { host: "shop" }, body: Buffer.from("12345") };
  const answer = await send(request, { keepBytes: 20 });
  expect(answer).toMatchObject({ status: 201, text: "PUT /a?b=c shop 5 12" });
  expect(answer.latencyMs).toBeGreaterThan(0);
});

test("sends no body, and no length, with a GET", async () => {
  const { url } = await serve(
    answering((_, body, { headers }) => [200, `${body.length} ${headers["content-length"]}`]),
  );
  expect((await send({ url: new URL(url), method: "GET" })).text).toBe("0 undefined");
});

test("streams a body with its length", async () => {
  const { url } = await serve(
    answering((_, body, { headers }) => [200, `${headers["content-length"]} ${body.length}`]),
  );
  const body = { length: 300_000, open: () => Readable.from([Buffer.alloc(100_000), Buffer.alloc(200_000)]) };
  expect((await send({ url: new URL(url), method: "POST", body })).text).toBe("300000 300000");
});

test("a body that cannot be read is told", async () => {
  const { url } = await serve(answering(() => [200, ""]));
  const open = () => new Readable({ read: (): never => expect.fail("the disk is gone") });
  const answer = await send({ url: new URL(url), method: "POST", body: { length: 10, open } });
  expect(answer).toMatchObject({ status: 0, text: "the disk is gone" });
});

test("a refused connection is an answer of status 0", async () => {
  const [port] = await freePorts(1);
  const answer = await send({ url: new URL(`http://127.0.0.1:${port}/`), method: "GET" });
  expect(answer).toMatchObject({ status: 0, text: `connect ECONNREFUSED 127.0.0.1:${port}` });
});

test("no answer in time is an answer of status 0, before the headers and after", async () => {
  const { url } = await serve((request, response) => {
    if (request.url === "/head") response.writeHead(200).write("a piece");
  });
  for (const path of ["/", "/head"]) {
    const answer = await send({ url: new URL(path, url), method: "GET" }, { timeoutMs: 200 });
    expect(answer).toMatchObject({ status: 0, text: "no answer within 200 ms" });
  }
});

test.each([
  ["nothing", "", "socket hang up"],
  ["half an answer", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", "the answer broke off: aborted"],
])("%s is an answer of status 0", async (_, text, reason) => {
  const answer = await send({ url: await saying(text), method: "GET" });
  expect(answer).toMatchObject({ status: 0, text: reason });
});

test("an answer that ends with its connection is whole", async () => {
  const answer = await send({
    url: await saying("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nall of it"),
    method: "GET",
  });
  expect(answer).toMatchObject({ status: 200, text: "all of it" });
});

test("an answer that comes before the body is sent is an answer", async () => {
  const { url } = await serve((_, response) => void response.writeHead(413).end("too large"));
  const answer = await send({ url: new URL(url), method: "POST", body: Buffer.alloc(4 << 20) });
  expect(answer).toMatchObject({ status: 413, text: "too large" });
});

test("what is no HTTP is an answer of status 0", async () => {
  const answer = await send({ url: await saying("hello?\r\n\r\n"), method: "GET" });
  expect(answer.status).toBe(0);
  expect(answer.text).toMatch(/Parse Error/);
});

test("a connection is used again", async () => {
  const server = await serve(answering(() => [200, "ok"]));
  const url = new URL(server.url);
  const agent = keptConnections(url, 1);
  for (let turn = 0; turn < 5; turn += 1)
    await exchange({ url, method: "GET" }, { agent, timeoutMs: LONG_MS, keepBytes: 0 });
  agent.destroy();
  expect(server.connections()).toBe(1);
});
