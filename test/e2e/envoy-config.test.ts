import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { freePorts } from "../../common/ports.ts";
import { bootstrap } from "../../sidecar/bootstrap/bootstrap.ts";
import { drain } from "../../sidecar/envoy/drain.ts";
import { findEnvoy } from "../../sidecar/envoy/find.ts";
import { runEnvoy } from "../../sidecar/envoy/run.ts";
import { parseFleet } from "../../xds/fleet/file/parse.ts";
import { type Backend, countBody, startBackend } from "./support/backend.ts";
import { send, sendRaw, zeros } from "./support/client.ts";
import { type FileEnvoy, startFileEnvoy } from "./support/file-xds.ts";

const LIMIT = 2 ** 20;
const PATIENCE = { timeout: 30_000, interval: 100 };

let url: string;
let fileEnvoy: FileEnvoy;
let fleetText: string;
const backends: Backend[] = [];
const logs: string[] = [];

async function backend(handler: Parameters<typeof startBackend>[0]): Promise<Backend> {
  const started = await startBackend(handler);
  backends.push(started);
  return started;
}

let steady: Backend;
let other: Backend;
let resetting: Backend;
let full: Backend;
let working: Backend;
/** Lets the requests that `working` holds end. */
let release: () => void;

beforeAll(async () => {
  steady = await backend(countBody);
  other = await backend(countBody);
  // Takes the request, then dies: its script may have run.
  resetting = await backend((request) => {
    request.resume();
    request.on("end", () => request.socket.destroy());
  });
  const silent = await backend((request) => request.resume());
  const slow = await backend((request, response) => {
    request.resume();
    setTimeout(() => response.end("late"), 1500);
  });
  full = await backend((request, response) => {
    request.resume();
    request.on("end", () => {
      response.writeHead(503, { "x-evenkeel-not-started": "1", "content-type": "application/json" });
      response.end('{"detail":"the queue is full"}');
    });
  });
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  working = await backend((request, response) => {
    if (request.url?.endsWith("/held") === true) held.then(() => countBody(request, response));
    else countBody(request, response);
  });
  const [port = 0] = await freePorts(1);
  const at = (...endpoints: string[]) => `[${endpoints.join(", ")}]`;
  const of = ({ port: own }: Backend) => `{ address: 127.0.0.1, port: ${own} }`;
  // Nobody listens there, and no program that looks for a free port will.
  const dead = "{ address: 127.77.0.1, port: 1 }";
  fleetText = `
clusters:
  - { name: steady, endpoints: ${at(of(steady))} }
  - { name: half-dead, endpoints: ${at(dead, of(steady))} }
  - { name: half-dead-half-resetting, endpoints: ${at(dead, of(resetting))} }
  - { name: all-dead, endpoints: ${at(dead)} }
  - { name: resetting, endpoints: ${at(of(resetting))} }
  - { name: half-full, endpoints: ${at(of(full), of(steady))} }
  - { name: full-and-working, endpoints: ${at(of(full), of(working))} }
  - { name: full, endpoints: ${at(of(full))} }
  - { name: silent, endpoints: ${at(of(silent))} }
  - { name: slow, endpoints: ${at(of(slow))} }
  - { name: empty, endpoints: [] }
  - name: moving
    endpoints:
      - { address: 127.0.0.1, port: ${steady.port} }
      - { address: 127.0.0.1, port: ${other.port} }
listeners:
  - name: front-door
    address: 127.0.0.1
    port: ${port}
    maxRequestBytes: ${LIMIT}
    routes:
      - { prefix: /steady, cluster: steady }
      - { prefix: /half-dead, cluster: half-dead }
      - { prefix: /mixed, cluster: half-dead-half-resetting }
      - { prefix: /all-dead, cluster: all-dead }
      - { prefix: /resetting, cluster: resetting }
      - { prefix: /half-full, cluster: half-full }
      - { prefix: /full-and-working, cluster: full-and-working }
      - { prefix: /full, cluster: full }
      - { prefix: /silent, cluster: silent, timeout: 300ms }
      - { prefix: /slow, cluster: slow, timeout: none }
      - { prefix: /empty, cluster: empty }
      - { prefix: /moving, cluster: moving }
`;
  url = `http://127.0.0.1:${port}`;
  fileEnvoy = await startFileEnvoy(parseFleet(fleetText, "fleet.yaml"), { accessLog: true, logs });
});

afterAll(async () => {
  await fileEnvoy?.stop();
  await Promise.all(backends.map((started) => started.stop()));
});

const post = (path: string, bytes = 10) =>
  send(`${url}${path}`, { headers: { "content-length": bytes }, body: zeros(bytes) });

async function detail(path: string): Promise<{ status: number; detail: unknown; retryAfter: string | undefined }> {
  const { status, headers, body } = await post(path);
  expect(headers["content-type"]).toContain("application/json");
  return { status, detail: JSON.parse(body).detail, retryAfter: headers["retry-after"] };
}

it("passes a request on and says nothing of itself but its name", async () => {
  const { status, headers, body } = await post("/steady/path?x=1");
  expect({ status, body }).toEqual({ status: 200, body: '{"bytes":10}' });
  expect(headers.server).toBe("evenkeel");
  expect(headers["x-request-id"]).toBe(steady.requests.at(-1)?.id);
  expect(steady.requests.at(-1)?.url).toBe("/steady/path?x=1");
});

it("logs the request as a JSON line when told to", async () => {
  await post("/steady/logged");
  const line = await vi.waitFor(() => {
    const found = logs.find((text) => text.includes("/steady/logged"));
    if (found === undefined) throw new Error("not logged yet");
    return found;
  }, PATIENCE);
  expect(JSON.parse(line)).toMatchObject({ method: "POST", path: "/steady/logged", status: 200, bytesReceived: 10 });
});

describe("what Envoy answers by itself is JSON with a detail", () => {
  it("404 for a path that nothing serves", async () => {
    expect(await detail("/nowhere")).toMatchObject({ status: 404, detail: "nothing is served under this path" });
  });

  it("503 with Retry-After for a cluster without workers", async () => {
    expect(await detail("/empty")).toEqual({ status: 503, detail: "no worker is ready", retryAfter: "1" });
  });

  it("503 with Retry-After when no worker can be reached", async () => {
    const answer = await detail("/all-dead");
    expect(answer).toMatchObject({ status: 503, retryAfter: "1" });
    expect(answer.detail).toMatch(/^no worker /);
  });

  it("502 for a worker that went away after it began, and does not ask another one", async () => {
    const before = resetting.requests.length;
    expect(await detail("/resetting")).toMatchObject({
      status: 502,
      detail: "the worker went away before it answered",
    });
    expect(resetting.requests.length - before).toBe(1);
  });

  it("504 for a worker that does not answer in time", async () => {
    expect(await detail("/silent")).toMatchObject({ status: 504, detail: "the worker did not answer in time" });
  });

  it("400 for what is not HTTP", async () => {
    const answer = await sendRaw(Number(new URL(url).port), "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5x\r\n\r\n");
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('{"detail":"the request is not valid HTTP"}');
  });

  it.each([
    ["OPTIONS * HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", 404, "nothing is served under this path"],
    [
      "GET /steady HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
      403,
      "the connection cannot change its protocol here",
    ],
  ])("a word also where Envoy has none: %j", async (request, status, said) => {
    const answer = await sendRaw(Number(new URL(url).port), request);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toContain(JSON.stringify({ detail: said }));
  });

  it("431 for a header that is too large", async () => {
    const { status, body } = await send(`${url}/steady`, { headers: { "x-large": "x".repeat(70_000) } });
    expect(status).toBe(431);
    expect(JSON.parse(body)).toEqual({ detail: "the request's header fields are too large" });
  });
});

it("waits without end where the timeout is none", async () => {
  expect(await post("/slow")).toMatchObject({ status: 200, body: "late" });
});

it("takes no orders from a client, not even from one with a private address", async () => {
  const headers = { "x-envoy-upstream-rq-timeout-ms": "1", "x-envoy-upstream-rq-per-try-timeout-ms": "1" };
  expect(await send(`${url}/slow`, { headers })).toMatchObject({ status: 200, body: "late" });
});

describe("the size of a request", () => {
  it("may be the limit", async () => {
    expect(await post("/steady", LIMIT)).toMatchObject({ status: 200, body: `{"bytes":${LIMIT}}` });
  });

  it("is refused by its content-length before the body is there", async () => {
    const before = steady.requests.length;
    const { status, body } = await send(`${url}/steady`, {
      headers: { "content-length": LIMIT + 1 },
      body: zeros(1000),
      unfinished: true,
    });
    expect(status).toBe(413);
    expect(JSON.parse(body)).toEqual({ detail: `the request body is larger than ${LIMIT} bytes` });
    expect(steady.requests.length).toBe(before);
  });

  it("streams: a body of 100 MiB goes through and is never held", async () => {
    const allocated = async () => Number(JSON.parse(await fileEnvoy.envoy.admin("/memory")).allocated);
    const before = await allocated();
    const sizes: number[] = [];
    let done = false;
    const watching = (async () => {
      while (!done) {
        sizes.push(await allocated());
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    const answer = await send(`${url}/steady`, { body: zeros(100 * 2 ** 20) });
    done = true;
    await watching;
    expect(answer).toMatchObject({ status: 200, body: `{"bytes":${100 * 2 ** 20}}` });
    expect(Math.max(...sizes) - before).toBeLessThan(40 * 2 ** 20);
  }, 120_000);
});

describe("another worker gets the request", () => {
  it("when one cannot be connected to, with the whole body", async () => {
    for (let at = 0; at < 12; at++) {
      const { status, body } = await post("/half-dead", 300_000);
      expect({ status, body }).toEqual({ status: 200, body: '{"bytes":300000}' });
    }
  });

  it("when one says that it has not started, with the whole body", async () => {
    const before = full.requests.length;
    for (let at = 0; at < 12; at++) {
      const { status, body } = await post("/half-full", 300_000);
      expect({ status, body }).toEqual({ status: 200, body: '{"bytes":300000}' });
    }
    expect(full.requests.length).toBeGreaterThan(before);
  });

  it("but not after one began: each request reaches at most one worker", async () => {
    const before = resetting.requests.length;
    for (let at = 0; at < 6; at++) {
      const { status } = await post("/mixed");
      // 503 while the one that resets is itself left out: nothing was sent then.
      expect([502, 503]).toContain(status);
    }
    const ids = resetting.requests.slice(before).map(({ id }) => id);
    expect(ids.length).toBeGreaterThan(0);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("and elsewhere means where there is more under way, when what has less is full", async () => {
    const begun = post("/full-and-working/held");
    await vi.waitFor(() => expect(working.requests).toHaveLength(1), PATIENCE);
    const statuses: number[] = [];
    for (let index = 0; index < 10; index += 1) statuses.push((await post("/full-and-working")).status);
    release();
    expect((await begun).status).toBe(200);
    expect(statuses).toEqual(Array.from({ length: 10 }, () => 200));
  });

  it("and the client gets the 503 when all are full, without our inner header", async () => {
    const { status, headers, body } = await post("/full");
    expect({ status, body }).toEqual({ status: 503, body: '{"detail":"the queue is full"}' });
    expect(headers).not.toHaveProperty("x-evenkeel-not-started");
  });
});

it("sends nothing new to a draining endpoint", async () => {
  const portsReached = async (requests: number) => {
    const before = [steady.requests.length, other.requests.length];
    for (let at = 0; at < requests; at++) expect((await post("/moving")).status).toBe(200);
    return [steady.requests.length - (before[0] ?? 0), other.requests.length - (before[1] ?? 0)];
  };
  const [first = 0, second = 0] = await portsReached(40);
  expect(first).toBeGreaterThan(0);
  expect(second).toBeGreaterThan(0);
  const drained = fleetText.replace(
    new RegExp(`(- \\{ address: 127.0.0.1, port: ${other.port}) \\}`),
    "$1, state: draining }",
  );
  expect(drained).not.toBe(fleetText);
  await fileEnvoy.updateEndpoints(parseFleet(drained, "fleet.yaml"));
  await vi.waitFor(async () => {
    const clusters = await fileEnvoy.envoy.admin("/clusters?format=json");
    expect(clusters).toMatch(/"eds_health_status":\s*"DRAINING"/);
  }, PATIENCE);
  // The change reaches the worker thread just after the admin server shows it.
  await vi.waitFor(async () => expect((await portsReached(1))[1]).toBe(0), PATIENCE);
  expect(await portsReached(40)).toEqual([40, 0]);
});

it("starts without its control plane, and drains", async () => {
  const [nobody = 0] = await freePorts(1);
  const envoy = await runEnvoy({
    binary: await findEnvoy(),
    name: "lonely-envoy",
    concurrency: 1,
    config: bootstrap({ nodeId: "lonely", nodeCluster: "test", xds: [{ address: "localhost", port: nobody }] }),
  });
  try {
    await envoy.ready();
    expect(JSON.parse(await envoy.admin("/server_info")).node.id).toBe("lonely");
    expect(await drain(envoy, 30_000)).toBe(true);
    expect(await envoy.child.exited).toMatchObject({ code: 0 });
  } finally {
    await envoy.stop();
  }
}, 120_000);

it("says what is wrong when Envoy refuses its configuration", async () => {
  await expect(
    runEnvoy({ binary: await findEnvoy(), name: "broken-envoy", config: { no_such_field: 1 } }),
  ).rejects.toMatchObject({ code: "EK_CHILD_FAILED", message: expect.stringContaining("no_such_field") });
});
