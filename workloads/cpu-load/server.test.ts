import { once } from "node:events";
import { get, type IncomingMessage, request } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, expect, it, vi } from "vitest";
import { logger, setLogLevel } from "../../common/log.ts";
import { type CpuLoad, type CpuLoadOptions, createCpuLoad } from "./server.ts";

// Real threads on a machine that may be very busy.
vi.setConfig({ testTimeout: 60_000 });
setLogLevel("silent");

/** As good as for ever, within a test. */
const LONG_MS = 600_000;

let server: CpuLoad | undefined;
afterEach(async () => {
  await server?.drain(0);
  server = undefined;
});

async function start(options: Partial<CpuLoadOptions> = {}): Promise<string> {
  server = createCpuLoad({
    durationMs: 50,
    threads: 1,
    concurrency: 4,
    queue: 2,
    podName: "fastapi-app-1",
    appVersion: "1.2.3",
    log: logger("test"),
    ...options,
  });
  await server.app.listen({ host: "127.0.0.1", port: 0 });
  return `http://127.0.0.1:${(server.app.server.address() as AddressInfo).port}`;
}

async function metric(url: string, name: string): Promise<number> {
  const body = await (await fetch(`${url}/metrics`)).text();
  const line = body.split("\n").find((candidate) => candidate.startsWith(`${name} `));
  return Number(line?.split(" ").at(-1));
}

const RUNNING = "cpu_load_burns_running";
const ended = (outcome: string) => `cpu_load_burns_total{outcome="${outcome}"}`;

async function becomes(url: string, name: string, value: number): Promise<void> {
  await vi.waitFor(async () => expect(await metric(url, name)).toBe(value), { timeout: 30_000, interval: 20 });
}

it("answers as the earlier app did", async () => {
  const url = await start();
  const json = async (path: string): Promise<unknown> => (await fetch(url + path)).json();
  expect(await json("/")).toEqual({ message: expect.any(String), status: "running" });
  expect(await json("/health")).toEqual({ status: "healthy" });
  expect(await json("/info")).toEqual({
    hostname: expect.any(String),
    pod_name: "fastapi-app-1",
    app_version: "1.2.3",
  });
  const load = (await json("/load")) as Record<string, unknown>;
  expect(Object.keys(load).sort()).toEqual(["duration_seconds", "message", "result"]);
  expect(load.duration_seconds).toBeGreaterThanOrEqual(0.05);
  expect(load.result).toBeGreaterThan(0);
});

it("/health answers while all threads burn", async () => {
  const url = await start({ durationMs: LONG_MS });
  const gone = new AbortController();
  const loads = [1, 2, 3].map(() => fetch(`${url}/load`, { signal: gone.signal }).catch(() => "gone"));
  await becomes(url, RUNNING, 3);
  for (let n = 0; n < 5; n++) expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: "healthy" });
  gone.abort();
  await Promise.all(loads);
});

it("burns at once end together, not one after the other", async () => {
  const url = await start({ durationMs: 1000 });
  const answers = await Promise.all([1, 2, 3].map(async () => (await fetch(`${url}/load`)).json()));
  expect(answers).toHaveLength(3);
  expect(await metric(url, ended("ok"))).toBe(3);
});

it("refuses what is beyond the queue with 503, and takes the next when a place is free", async () => {
  const url = await start({ durationMs: LONG_MS, concurrency: 1, queue: 1 });
  const first = new AbortController();
  const second = new AbortController();
  const loads = [first, second].map((gone) => fetch(`${url}/load`, { signal: gone.signal }).catch(() => "gone"));
  await becomes(url, RUNNING, 1);
  await becomes(url, "cpu_load_burns_queued", 1);
  const refused = await fetch(`${url}/load`);
  expect(refused.status).toBe(503);
  expect(refused.headers.get("retry-after")).toBe("1");
  expect(await refused.json()).toEqual({ detail: "2 requests burn or wait already" });
  first.abort();
  second.abort();
  await Promise.all(loads);
  await becomes(url, RUNNING, 0);
  await becomes(url, ended("gone"), 2);
});

it("a client that goes away stops its burn", async () => {
  const url = await start({ durationMs: LONG_MS });
  const { port } = new URL(url);
  const socket = connect(Number(port), "127.0.0.1");
  await once(socket, "connect");
  socket.write("GET /load HTTP/1.1\r\nhost: x\r\n\r\n");
  await becomes(url, RUNNING, 1);
  socket.destroy();
  await becomes(url, RUNNING, 0);
  expect(await metric(url, ended("gone"))).toBe(1);
});

it("closes the connection after /load, so that a Service can pick another pod", async () => {
  const url = await start({ durationMs: 1 });
  expect((await fetch(`${url}/load`)).headers.get("connection")).toBe("close");
  expect((await fetch(`${url}/health`)).headers.get("connection")).toBe("keep-alive");
});

it.each([
  ["GET", "/nothing", 404],
  ["POST", "/load", 405],
  ["HEAD", "/load", 405],
  ["DELETE", "/health", 405],
  ["OPTIONS", "/", 405],
  ["PROPFIND", "/info", 405],
  ["GET", "/load/", 404],
  ["GET", "/%zz", 400],
])("%s %s is %i in JSON", async (method, path, status) => {
  const url = await start();
  const asked = request(`${url}${path}`, { method, headers: method === "POST" ? { "content-type": "odd" } : {} });
  asked.end(method === "POST" ? "a body" : undefined);
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  expect(response.statusCode).toBe(status);
  expect(response.headers["content-type"]).toContain("application/json");
  if (status === 405) expect(response.headers.allow).toBe("GET");
  const body = await text(response);
  if (method !== "HEAD") expect(JSON.parse(body)).toEqual({ detail: expect.any(String) });
});

it("what is no HTTP is answered with 400 in JSON", async () => {
  const url = await start();
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write("nonsense\r\n\r\n");
  const answer = await text(socket);
  expect(answer).toMatch(/^HTTP\/1.1 400 /);
  expect(answer).toContain('{"detail":');
});

it("drains: new burns are refused, health goes on, and it closes when the last burn has ended", async () => {
  const url = await start({ durationMs: LONG_MS });
  const gone = new AbortController();
  const load = fetch(`${url}/load`, { signal: gone.signal }).catch(() => "gone");
  await becomes(url, RUNNING, 1);
  const drained = server?.drain(LONG_MS);
  expect((await fetch(`${url}/health`)).status).toBe(200);
  const late = await fetch(`${url}/load`);
  expect(late.status).toBe(503);
  expect(await late.json()).toEqual({ detail: "the app is stopping" });
  gone.abort();
  expect(await load).toBe("gone");
  await drained;
  server = undefined;
  await expect(fetch(url)).rejects.toThrow();
});

it("a drain that runs out of time ends the burns with 503", async () => {
  const url = await start({ durationMs: LONG_MS });
  const load = new Promise<IncomingMessage>((resolve, reject) => get(`${url}/load`, resolve).on("error", reject));
  await becomes(url, RUNNING, 1);
  await server?.drain(1);
  server = undefined;
  const response = await load;
  expect(response.statusCode).toBe(503);
  expect(JSON.parse(await text(response))).toEqual({ detail: "the app had to stop" });
});
