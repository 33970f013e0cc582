import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import { createServer as createTlsServer } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { freePorts } from "../../common/ports.ts";
import { makeAuthority, makeLeaf } from "../rig/certificates.ts";
import { identify } from "../rig/process-table.ts";
import { type Arrived, type Host, startHost } from "./proxy/hosts.ts";
import {
  at,
  configText,
  type ProxyProcess,
  service,
  startProxyCommand,
  startProxyProcess,
  type WrittenService,
} from "./proxy/process.ts";
import { type Answer, type Sending, send, sendRaw, zeros } from "./support/client.ts";

// Two slow cores that do other things besides: only what never comes is a failure.
vi.setConfig({ testTimeout: 120_000 });
const PATIENCE = { timeout: 60_000, interval: 100 };
/** Nobody listens there, and no program that looks for a free port will. */
const DEAD = { address: "127.77.0.1", port: 1 };
const MEGABYTE = 2 ** 20;

let folder: string;
let proxy: ProxyProcess;
let services: WrittenService[];
let echo: Host;
let other: Host;
let slow: Host;
let sockets: Host;
const hosts: Host[] = [];

async function host(...options: Parameters<typeof startHost>): Promise<Host> {
  const started = await startHost(...options);
  hosts.push(started);
  return started;
}

async function tlsHost(name: string): Promise<Host> {
  const key = readFileSync(join(folder, `${name}.key`));
  const cert = readFileSync(join(folder, `${name}.crt`));
  return await host({ server: (listener) => createTlsServer({ key, cert }, listener) });
}

function ask(name: string, path: string, sending: Sending = {}): Promise<Answer> {
  return send(`${proxy.url}${path}`, { ...sending, headers: { host: `${name}.example.com`, ...sending.headers } });
}

const arrivedOf = (answer: Answer) => JSON.parse(answer.body) as Arrived;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "evenkeel-proxy-tls-"));
  await Promise.all([makeAuthority(folder, "ca"), makeAuthority(folder, "other-ca")]);
  await makeLeaf(folder, "ca", "good", "/CN=good", "subjectAltName=DNS:localhost,IP:127.0.0.1");
  await makeLeaf(folder, "ca", "wrong-name", "/CN=wrong", "subjectAltName=DNS:elsewhere.example.com");
  await makeLeaf(folder, "other-ca", "untrusted", "/CN=untrusted", "subjectAltName=DNS:localhost");
  [echo, other] = [await host(), await host()];
  slow = await host({
    listener: (asked, response) => {
      asked.resume();
      response.write("began ");
      setTimeout(() => response.end("ended"), 3000);
    },
  });
  sockets = await host();
  const echoing = new WebSocketServer({ server: sockets.server as never, maxPayload: 16 * MEGABYTE });
  echoing.on("connection", (socket) => socket.on("message", (data, binary) => socket.send(data as Buffer, { binary })));
  const http2 = await host({ server: (listener) => createHttp2Server(listener as never) as never });
  const tls = async (name: string) => ({ address: `https://localhost:${(await tlsHost(name)).port}` });
  services = [
    service("echo", at(echo)),
    service("both", at(echo), at(other)),
    service("slow", at(slow)),
    service("sockets", at(sockets)),
    service("http2", { address: `h2c://127.0.0.1`, port: http2.port }),
    service("named", { address: `http://localhost:${echo.port}`, port: "" }),
    service("tls", await tls("good")),
    service("tls-by-address", { address: `https://127.0.0.1:${(await tlsHost("good")).port}` }),
    service("wrong-name", await tls("wrong-name")),
    service("untrusted", await tls("untrusted")),
    service("half-dead", at(DEAD), at(echo)),
    service("dead", at(DEAD), { address: "127.77.0.2", port: 1 }),
    service("lonely-dead", at(DEAD)),
    service("unresolved", { address: "no-such-host.invalid", port: 1 }, at(echo)),
  ];
  proxy = await startProxyProcess(services, ["--ca-file", join(folder, "ca.crt"), "--concurrency", "1"]);
});

afterAll(async () => {
  await proxy?.stop();
  await Promise.all(hosts.map((started) => started.stop()));
  await rm(folder, { recursive: true, force: true });
});

describe("who gets a request", () => {
  it.each(["echo.example.com", "echo.example.com:1234", "ECHO.Example.com"])("the service of %s", async (name) => {
    const answer = await send(`${proxy.url}/x`, { headers: { host: name } });
    expect(answer.status).toBe(200);
    expect(arrivedOf(answer).rawHeaders).toContain(name);
  });

  it("each host of the service", async () => {
    const before = [echo.requests(), other.requests()];
    for (let turn = 0; turn < 40; turn++) expect((await ask("both", "/")).status).toBe(200);
    const got = [echo.requests() - (before[0] ?? 0), other.requests() - (before[1] ?? 0)];
    // That one of two hosts gets none of 40 happens once in 5 * 10^11 times.
    expect(Math.min(...got)).toBeGreaterThan(0);
    expect((got[0] as number) + (got[1] as number)).toBe(40);
  });

  it("a host by its name, with a scheme and an empty port", async () => {
    expect((await ask("named", "/")).status).toBe(200);
  });

  it("Envoy itself for the health check, whatever the domain", async () => {
    const before = echo.requests();
    for (const name of ["echo.example.com", "10.1.2.3:8080", "unknown.example.com"]) {
      const answer = await send(`${proxy.url}/api/v2/_health_check`, { headers: { host: name } });
      expect(answer).toMatchObject({ status: 200, body: "Health-check reverse-proxy is working!!!!!" });
      expect(answer.headers["content-type"]).toBe("text/plain");
    }
    expect(echo.requests()).toBe(before);
  });

  it("but a host for that path with another method, or below it", async () => {
    expect(arrivedOf(await ask("echo", "/api/v2/_health_check", { method: "POST" })).method).toBe("POST");
    expect(arrivedOf(await ask("echo", "/api/v2/_health_check/x")).url).toBe("/api/v2/_health_check/x");
  });

  it("nobody for a domain that no service has", async () => {
    const answer = await ask("unknown", "/");
    expect(answer.status).toBe(404);
    expect(JSON.parse(answer.body)).toEqual({ detail: "no service has this domain" });
    expect(answer.headers["content-type"]).toBe("application/json");
  });

  it.each(["dead", "lonely-dead"])("nobody when no host is up (%s)", async (name) => {
    const answer = await ask(name, "/");
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.body).detail).toMatch(/^no host of the service /);
    expect(answer.headers["retry-after"]).toBe("1");
  });
});

describe("what arrives is what was sent", () => {
  it.each(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "REPORT"])(
    "%s, path and query",
    async (method) => {
      const path = "/a//b/../c/./%2F%41;p=1/%C3%BC?q=1&q=2&empty=&s=%20+&t=/../";
      const head = `${method} ${path} HTTP/1.1\r\nHost: echo.example.com\r\nContent-Length: 0\r\nConnection: close`;
      expect(await sendRaw(proxy.port, `${head}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(echo.last()).toMatchObject({ method, url: path });
    },
  );

  it("odd headers, in their order, with their capital letters, and none besides", async () => {
    const headers = [
      ...["Host", "echo.example.com", "X-ODD_name", "under_score", "x-empty", "", "X-Twice", "1", "X-Twice", "2"],
      ...["x-forwarded-for", "192.0.2.7", "X-Forwarded-Proto", "https", "X-Request-ID", "mine", "Via", "1.1 before"],
      ...["accept", "*/*;q=0.1", "X-Quoted", '"a, b"; c=\\"d\\"', "X-Latin", "caf\u00e9", "Cookie", "a=1; b=2"],
      ...["X-Long", "v".repeat(50_000), "User-Agent", "odd/1.0 (x; y)", "Connection", "close"],
    ];
    const lines = Array.from({ length: headers.length / 2 }, (_, pair) => headers.slice(2 * pair, 2 * pair + 2));
    const text = `GET /odd HTTP/1.1\r\n${lines.map((line) => line.join(": ")).join("\r\n")}\r\n\r\n`;
    const raw = await new Promise<string>((resolve, reject) => {
      const socket = connect(proxy.port, "127.0.0.1", () => socket.write(text, "latin1"));
      let answer = "";
      socket.on("data", (chunk) => {
        answer += chunk.toString("utf8");
      });
      socket.on("error", reject).on("close", () => resolve(answer));
    });
    expect(raw).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    // `Connection` speaks of one hop only (RFC 9110, section 7.6.1).
    expect(echo.last()?.rawHeaders.slice(0, headers.length - 2)).toEqual(headers.slice(0, -2));
    expect(echo.last()?.rawHeaders.slice(headers.length - 2)).toEqual([]);
  });

  it("without x-forwarded-proto only that is added", async () => {
    await sendRaw(proxy.port, "GET / HTTP/1.1\r\nHost: echo.example.com\r\nConnection: close\r\n\r\n");
    expect(echo.last()?.rawHeaders).toEqual(["Host", "echo.example.com", "x-forwarded-proto", "http"]);
  });

  it("but orders to Envoy itself are not passed on, nor obeyed", async () => {
    const orders = { "x-envoy-retry-on": "5xx", "x-envoy-max-retries": "9", "x-envoy-upstream-rq-timeout-ms": "1" };
    const answer = await ask("slow", "/", { headers: orders });
    expect(answer).toMatchObject({ status: 200, body: "began ended" });
    await ask("echo", "/", { headers: orders });
    expect(echo.last()?.rawHeaders.join(" ")).not.toContain("x-envoy");
  });

  it("800 header fields", async () => {
    const many = Object.fromEntries(Array.from({ length: 800 }, (_, index) => [`x-field-${index}`, String(index)]));
    const answer = await ask("echo", "/", { headers: many });
    expect(answer.status).toBe(200);
    expect(arrivedOf(answer).rawHeaders).toEqual(expect.arrayContaining(["x-field-0", "x-field-799"]));
  });

  it("a URL of 100 000 characters", async () => {
    const path = `/${"long/".repeat(10_000)}?${"q=1&".repeat(12_500)}`;
    const answer = await ask("echo", path);
    expect(answer.status).toBe(200);
    expect(arrivedOf(answer).url).toBe(path);
  });

  it.each([
    ["of known length", { "content-length": 100 * MEGABYTE }],
    ["chunked", {}],
  ])(
    "a body of 100 MiB, %s",
    async (_, headers) => {
      const answer = await ask("echo", "/", { body: zeros(100 * MEGABYTE), headers });
      expect(arrivedOf(answer)).toMatchObject({
        method: "POST",
        bytes: 100 * MEGABYTE,
        chunked: !("content-length" in headers),
      });
    },
    120_000,
  );

  it("a body with GET and with DELETE", async () => {
    for (const method of ["GET", "DELETE"]) {
      const answer = await ask("echo", "/", { method, body: zeros(10), headers: { "content-length": 10 } });
      expect(arrivedOf(answer)).toMatchObject({ method, bytes: 10 });
    }
  });

  it("trailers after a chunked body", async () => {
    const arrived = await new Promise<Arrived>((resolve, reject) => {
      const headers = { host: "echo.example.com", trailer: "X-Sum" };
      const asked = request(`${proxy.url}/`, { method: "PUT", headers, agent: false }, (response) => {
        let body = "";
        response.on("data", (chunk) => {
          body += chunk;
        });
        response.on("end", () => resolve(JSON.parse(body)));
      });
      asked.on("error", reject);
      asked.write("in chunks");
      asked.addTrailers({ "X-Sum": "9" });
      asked.end();
    });
    expect(arrived).toMatchObject({ method: "PUT", bytes: 9, chunked: true });
    expect(arrived.trailers.map((text) => text.toLowerCase())).toEqual(["x-sum", "9"]);
  });

  it("and the answer is what the host gave", async () => {
    const odd = await host({
      listener: (asked, response) => {
        asked.resume();
        response.writeHead(418, ["X-Odd_NAME", "1", "Set-Cookie", "a=1", "Set-Cookie", "b=2", "Server", "mine"]);
        response.end("short and stout");
      },
    });
    await proxy.writeServices([...services, service("odd", at(odd))]);
    await proxy.logged("edit taken");
    const raw = await sendRaw(proxy.port, "GET / HTTP/1.1\r\nHost: odd.example.com\r\nConnection: close\r\n\r\n");
    const [head = "", body] = raw.split("\r\n\r\n");
    const lines = head
      .split("\r\n")
      .filter((line) => !/^(date|connection|content-length|transfer-encoding):/i.test(line));
    expect(lines).toEqual([
      expect.stringMatching(/^HTTP\/1\.1 418 /),
      ...["X-Odd_NAME: 1", "Set-Cookie: a=1", "Set-Cookie: b=2", "Server: mine"],
    ]);
    expect(body).toContain("short and stout");
  });
});

async function openSocket(name = "sockets"): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/chat?room=1`, {
    headers: { host: `${name}.example.com` },
    maxPayload: 16 * MEGABYTE,
  });
  await new Promise<void>((resolve, reject) => socket.once("open", () => resolve()).once("error", reject));
  return socket;
}

async function echoed(socket: WebSocket, data: string | Buffer): Promise<Buffer> {
  const answer = new Promise<Buffer>((resolve, reject) =>
    socket
      .once("message", (got) => resolve(got as Buffer))
      .once("error", reject)
      .once("close", () => reject(new Error("closed"))),
  );
  socket.send(data);
  return await answer;
}

it("WebSockets: texts, binary messages of 4 MiB and the closing code arrive", async () => {
  const socket = await openSocket();
  expect(String(await echoed(socket, "hällo"))).toBe("hällo");
  const large = Buffer.from(Array.from({ length: 4 * MEGABYTE }, (_, index) => index % 251));
  expect((await echoed(socket, large)).equals(large)).toBe(true);
  const closed = new Promise<number>((resolve) => socket.once("close", (code) => resolve(code)));
  socket.removeAllListeners("message");
  socket.close(4001, "enough");
  expect(await closed).toBe(4001);
});

async function askHttp2(name: string, path: string): Promise<{ status: number; body: string }> {
  const client = connectHttp2(proxy.url);
  try {
    return await new Promise((resolve, reject) => {
      client.on("error", reject);
      const stream = client.request({ ":authority": `${name}.example.com`, ":path": path, ":method": "POST" });
      let status = 0;
      let body = "";
      stream.on("response", (headers) => {
        status = Number(headers[":status"]);
      });
      stream.on("data", (chunk) => {
        body += chunk;
      });
      stream.on("error", reject).on("end", () => resolve({ status, body }));
      stream.end("over HTTP/2");
    });
  } finally {
    client.close();
  }
}

describe("HTTP/2", () => {
  it.each([
    ["echo", "1.1"],
    ["http2", "2.0"],
  ])("from the client to %s, which speaks HTTP/%s", async (name, httpVersion) => {
    const { status, body } = await askHttp2(name, "/two?x=1");
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ method: "POST", url: "/two?x=1", bytes: 11, httpVersion });
  });

  it("to a host for a client of HTTP/1.1", async () => {
    expect(arrivedOf(await ask("http2", "/"))).toMatchObject({ method: "GET", httpVersion: "2.0" });
  });
});

describe("hosts over TLS", () => {
  it.each(["tls", "tls-by-address"])("are reached when their certificate is good (%s)", async (name) => {
    // A host by its name is up when Envoy has looked that up.
    await vi.waitFor(async () => {
      expect(arrivedOf(await ask(name, "/secret"))).toMatchObject({ url: "/secret" });
    }, PATIENCE);
  });

  it.each(["wrong-name", "untrusted"])("get nothing when it is not (%s)", async (name) => {
    const answer = await ask(name, "/secret");
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.body).detail).toMatch(/^no host of the service /);
  });
});

describe("hosts that are down", () => {
  it("cost no request while another is up, with the whole body", async () => {
    for (let turn = 0; turn < 20; turn++)
      expect(arrivedOf(await ask("half-dead", "/", { body: zeros(300_000) })).bytes).toBe(300_000);
  });

  it("are left out when they die and come back when they return", async () => {
    await other.die();
    for (let turn = 0; turn < 40; turn++) expect((await ask("both", "/")).status).toBe(200);
    await other.revive();
    await vi.waitFor(async () => {
      const before = other.requests();
      expect((await ask("both", "/")).status).toBe(200);
      expect(other.requests()).toBe(before + 1);
    }, PATIENCE);
  });

  it("or do not resolve, are named in the log", async () => {
    for (let turn = 0; turn < 10; turn++) expect((await ask("unresolved", "/")).status).toBe(200);
    await vi.waitFor(
      () => expect(proxy.child.lastLines().join("\n")).toMatch(/"host":"no-such-host.invalid".*does not resolve/),
      PATIENCE,
    );
  });
});

describe("an edit of the file", () => {
  it("is taken without cutting what is under way", async () => {
    const socket = await openSocket();
    const client = connectHttp2(proxy.url);
    const underWay = ask("slow", "/");
    await vi.waitFor(() => expect(slow.requests()).toBeGreaterThan(0), PATIENCE);
    await proxy.writeServices([
      ...services.filter(({ name }) => name !== "slow" && name !== "sockets" && name !== "both"),
      { ...service("sockets", at(sockets), at(other)), domain: "moved.example.com" },
      service("new", at(other)),
    ]);
    await proxy.logged("edit taken");
    expect(arrivedOf(await ask("new", "/n"))).toMatchObject({ url: "/n" });
    expect((await ask("slow", "/")).status).toBe(404);
    expect(await underWay).toMatchObject({ status: 200, body: "began ended" });
    expect(String(await echoed(socket, "still here"))).toBe("still here");
    expect(client.closed || client.destroyed).toBe(false);
    client.close();
    socket.removeAllListeners();
    socket.close();
    await proxy.writeServices(services);
    await proxy.logged("edit taken");
    expect((await ask("both", "/")).status).toBe(200);
  });

  it.each([
    ["empty", "", ":1:1: the file is empty"],
    ["nonsense", "{]", ":1:2: "],
    ["a port of 65536", configText(65_536, [service("echo", DEAD)]), ":4:11: proxy.listen.port 65536 is not a port"],
    ["no hosts", configText(8080, [service("echo")]), ":8:14: proxy.services[0].hosts has no host"],
    [
      "an unknown key",
      `${configText(8080, [service("echo", DEAD)])}  more: 1\n`,
      ":11:3: proxy.more is not a known key",
    ],
  ])("that is bad (%s) changes nothing and is named with its line", async (_, text, expected) => {
    await proxy.write(text);
    expect(JSON.parse(await proxy.logged("EK_PROXY_CONFIG_INVALID")).msg).toContain(`${proxy.path}${expected}`);
    expect((await ask("echo", "/")).status).toBe(200);
    await proxy.writeServices(services);
    await proxy.logged("as it was before the bad edit");
  });

  it("may move the proxy to another port, but not to one that is taken", async () => {
    await proxy.write(configText(echo.port, services));
    expect(await proxy.logged("EK_PORT_IN_USE")).toContain(`127.0.0.1:${echo.port}`);
    expect((await ask("echo", "/")).status).toBe(200);
    const [port = 0] = await freePorts(1);
    await proxy.write(configText(port, services));
    await proxy.logged("edit taken");
    await vi.waitFor(async () => {
      const answer = await send(`http://127.0.0.1:${port}/moved`, { headers: { host: "echo.example.com" } });
      expect(answer.status).toBe(200);
    }, PATIENCE);
    await proxy.writeServices(services);
    await proxy.logged("edit taken");
    await vi.waitFor(async () => expect((await ask("echo", "/")).status).toBe(200), PATIENCE);
  });

  it("may move the proxy to another address of its port", async () => {
    await proxy.write(configText(proxy.port, services).replace("127.0.0.1", "0.0.0.0"));
    await proxy.logged("edit taken");
    const elsewhere = async () =>
      await send(`http://127.0.0.2:${proxy.port}/`, { headers: { host: "echo.example.com" } });
    await vi.waitFor(async () => expect((await elsewhere()).status).toBe(200), PATIENCE);
    await proxy.writeServices(services);
    await proxy.logged("edit taken");
    await vi.waitFor(async () => await expect(elsewhere()).rejects.toThrow("ECONNREFUSED"), PATIENCE);
    expect((await ask("echo", "/")).status).toBe(200);
  });
});

describe("the end", () => {
  it("waits for requests under way, and leaves no Envoy", async () => {
    const own = await startProxyProcess([service("slow", at(slow))], ["--concurrency", "1"]);
    const before = slow.requests();
    const underWay = send(`${own.url}/`, { headers: { host: "slow.example.com" } });
    await vi.waitFor(() => expect(slow.requests()).toBe(before + 1), PATIENCE);
    own.child.signal("SIGTERM");
    expect(await underWay).toMatchObject({ status: 200, body: "began ended" });
    expect(await own.child.exited).toMatchObject({ code: 0 });
    expect(identify(own.envoyPid)).toBeUndefined();
    await own.stop();
  });

  it.runIf(process.platform === "linux")(
    "leaves no Envoy even when the proxy is killed",
    async () => {
      const own = await startProxyProcess([service("echo", at(echo))], ["--concurrency", "1"]);
      const envoy = identify(own.envoyPid);
      expect(envoy).toBeDefined();
      process.kill(own.child.pid, "SIGKILL");
      await own.child.exited;
      await vi.waitFor(() => expect(identify(own.envoyPid)?.started).not.toBe(envoy?.started), PATIENCE);
      await own.stop();
    },
    120_000,
  );
});

describe("a start that cannot be", () => {
  const fails = async (args: readonly string[]) => {
    const child = await startProxyCommand(args);
    const { code } = await child.exited;
    expect(code).toBe(1);
    return child.lastLines().join("\n");
  };

  it("for want of a file", async () => {
    const missing = join(folder, "missing.yaml");
    expect(await fails(["--config", missing])).toMatch(/EK_FILE_UNREADABLE .*missing\.yaml: .*no such file/);
    expect(await fails(["--config", "a.yaml", "--config-file", "b.yaml"])).toContain("EK_SETTING_INVALID");
  });

  it("for a bad file, or a port that is taken", async () => {
    const path = join(folder, "bad.yaml");
    await writeFile(path, "proxy: {}\n");
    expect(await fails(["--config", path])).toContain(`EK_PROXY_CONFIG_INVALID ${path}:1:8: `);
    await writeFile(path, configText(echo.port, [service("echo", at(echo))]));
    expect(await fails(["--config-file", path])).toContain(`EK_PORT_IN_USE ${path}: `);
  });
});
