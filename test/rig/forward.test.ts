import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Forward, openForward } from "./forward.ts";

const server = createServer((request, response) => request.pipe(response));
let forward: Forward | undefined;

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  // Without a namespace: how a command gets into one is tested with the words for it.
  forward = await openForward(`localhost:${port}`, (command) => [...command]);
}, 60_000);

afterAll(async () => {
  await forward?.close();
  server.close();
});

test("what is sent comes back through it, however much", async () => {
  if (forward === undefined) throw new Error("the forward did not open");
  const body = "x".repeat(1_000_000);
  const answer = await fetch(`http://${forward.host}:${forward.port}/`, { method: "POST", body });
  expect(await answer.text()).toBe(body);
}, 60_000);

test("close ends the connections and frees the port", async () => {
  const other = await openForward(`127.0.0.1:${(server.address() as AddressInfo).port}`, (command) => [...command]);
  const idle = connect(other.port, other.host);
  await once(idle, "connect");
  const ended = once(idle.resume(), "close");
  await other.close();
  await ended;
  const late = connect(other.port, other.host);
  await expect(once(late, "connect")).rejects.toThrow("ECONNREFUSED");
}, 60_000);

test("close does not wait for a client that keeps its half of a connection", async () => {
  const other = await openForward(`127.0.0.1:${(server.address() as AddressInfo).port}`, (command) => [...command]);
  const stubborn = connect({ port: other.port, host: other.host, allowHalfOpen: true });
  stubborn.on("error", () => undefined);
  stubborn.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await once(stubborn, "data");
  await other.close();
  stubborn.destroy();
}, 60_000);

test("a command that cannot run is an error", async () => {
  await expect(openForward("x:1", () => ["/no/such/command"])).rejects.toMatchObject({ code: "EK_PROGRAM_MISSING" });
});
