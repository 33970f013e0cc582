import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { type KubeClient, kubeClient } from "./client.ts";
import type { KubeObject } from "./object.ts";

/** What a {@link FakeApi} does to the next request or to its open streams, once. */
export type Fault =
  | "reset"
  | "error 500"
  | "error 429"
  | "gone"
  | "gone event"
  | "error event"
  | "garbage line"
  | "half a line"
  | "no metadata"
  | "end"
  | "silence";

interface Logged {
  readonly version: number;
  readonly line: string;
}

/**
 * A server that speaks the API's list and watch for one kind, for unit tests, with faults on demand: pages that expire,
 * versions that are compacted, streams that break in every way. Not a cluster: see test/rig/ for that.
 */
export class FakeApi {
  readonly #objects = new Map<string, KubeObject>();
  readonly #sockets = new Set<Socket>();
  readonly #streams = new Set<ServerResponse>();
  readonly #faults: Fault[] = [];
  readonly #server = createServer((request, response) => this.#answer(request, response));
  #log: Logged[] = [];
  #version = 100;
  #oldest = 100;
  #port = 0;
  /** Queries of all requests, oldest first. */
  readonly requests: URLSearchParams[] = [];

  async start(): Promise<void> {
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#port, "127.0.0.1", resolve);
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Ends at once, as a crash would; {@link start} comes back at the same address with the same objects. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.resetAll();
    await closed;
  }

  client(): KubeClient {
    return kubeClient(() => {
      const config = new KubeConfig();
      config.loadFromClusterAndUser(
        { name: "fake", server: `http://127.0.0.1:${this.#port}`, skipTLSVerify: true },
        { name: "user" },
      );
      return config;
    });
  }

  get streams(): number {
    return this.#streams.size;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  get objects(): ReadonlyMap<string, KubeObject> {
    return this.#objects;
  }

  put(namespace: string, name: string, labels: Readonly<Record<string, string>> = {}): void {
    const key = `${namespace}/${name}`;
    const before = this.#objects.get(key);
    this.#version += 1;
    const object: KubeObject = {
      metadata: {
        name,
        namespace,
        uid: before?.metadata.uid ?? `uid-${this.#version}`,
        resourceVersion: String(this.#version),
        labels,
        managedFields: [{ manager: "someone" }],
      },
    };
    this.#objects.set(key, object);
    this.#emit(before === undefined ? "ADDED" : "MODIFIED", object);
  }

  delete(namespace: string, name: string): void {
    const object = this.#objects.get(`${namespace}/${name}`);
    if (object === undefined) return;
    this.#objects.delete(`${namespace}/${name}`);
    this.#version += 1;
    const metadata = { ...object.metadata, resourceVersion: String(this.#version) };
    this.#emit("DELETED", { ...object, metadata });
  }

  /** Changes that a selector hides: they move the version on and are told to nobody. */
  changeElsewhere(times: number): void {
    this.#version += times;
  }

  bookmark(): void {
    const line = JSON.stringify({ type: "BOOKMARK", object: { metadata: { resourceVersion: String(this.#version) } } });
    for (const stream of this.#streams) stream.write(`${line}\n`);
  }

  /** Forgets all history: who is behind gets 410. */
  compact(): void {
    this.#log = [];
    this.#oldest = this.#version;
  }

  /** The next request that comes meets this fault. */
  failNext(...faults: readonly Fault[]): void {
    this.#faults.push(...faults);
  }

  /** Does something to every open stream now. */
  break(fault: Fault): void {
    for (const stream of [...this.#streams]) this.#breakStream(stream, fault);
  }

  resetAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  #emit(type: string, object: KubeObject): void {
    const line = JSON.stringify({ type, object });
    this.#log.push({ version: this.#version, line });
    for (const stream of this.#streams) stream.write(`${line}\n`);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { searchParams: query } = new URL(request.url ?? "/", "http://fake");
    this.requests.push(query);
    const fault = this.#faults.shift();
    if (fault === "reset") request.socket.resetAndDestroy();
    else if (fault === "error 500") response.writeHead(500).end("etcd has no leader");
    else if (fault === "error 429") status(response, 429, "TooManyRequests");
    else if (fault === "gone") status(response, 410, "Expired");
    else if (query.get("watch") === "true") this.#watch(query, response, fault);
    else this.#list(query, response);
  }

  #watch(query: URLSearchParams, response: ServerResponse, fault: Fault | undefined): void {
    const from = Number(query.get("resourceVersion"));
    if (from < this.#oldest) {
      status(response, 410, "Expired");
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    for (const { version, line } of this.#log) if (version > from) response.write(`${line}\n`);
    this.#streams.add(response);
    response.on("close", () => this.#streams.delete(response));
    if (fault !== undefined) this.#breakStream(response, fault);
  }

  #list(query: URLSearchParams, response: ServerResponse): void {
    const token = query.get("continue");
    const [version, start] = (token ?? `${this.#version},0`).split(",").map(Number) as [number, number];
    if (token !== null && version < this.#version) {
      status(response, 410, "Expired");
      return;
    }
    const all = [...this.#objects.values()];
    const limit = Number(query.get("limit") ?? all.length);
    const rest = start + limit < all.length ? { continue: `${version},${start + limit}` } : {};
    const page = { metadata: { resourceVersion: String(version), ...rest }, items: all.slice(start, start + limit) };
    response.end(JSON.stringify(page));
  }

  #breakStream(stream: ServerResponse, fault: Fault): void {
    switch (fault) {
      case "garbage line":
        stream.write('{"type": "ADDED", "obj\n');
        return;
      case "no metadata":
        stream.write('{"type":"ADDED","object":{}}\n');
        return;
      case "silence":
        this.#streams.delete(stream);
        return;
      case "end":
        this.#endStream(stream, "");
        return;
      case "half a line":
        this.#endStream(stream, '{"type":"MODIFIED","object":{"metadata":{"name":"x');
        return;
      case "gone event":
        this.#endStream(stream, errorEvent(410));
        return;
      case "error event":
        this.#endStream(stream, errorEvent(500));
        return;
      default:
        stream.socket?.resetAndDestroy();
    }
  }

  #endStream(stream: ServerResponse, last: string): void {
    this.#streams.delete(stream);
    stream.end(last);
  }
}

function errorEvent(code: number): string {
  return `${JSON.stringify({ type: "ERROR", object: { kind: "Status", code, message: "no" } })}\n`;
}

function status(response: ServerResponse, code: number, reason: string): void {
  response.writeHead(code, { "content-type": "application/json" });
  response.end(JSON.stringify({ kind: "Status", code, reason, message: reason }));
}
