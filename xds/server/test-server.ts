/** A real server on loopback and real clients for the tests of this folder. */
import { type ClientDuplexStream, credentials, type ServiceError } from "@grpc/grpc-js";
import { pino } from "pino";
import { Registry } from "prom-client";
import type {
  DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
  DiscoveryRequest,
  DiscoveryResponse,
} from "../../proto/generated/envoy/service/discovery/v3/discovery.ts";
import { ResourceStore } from "../resources/store.ts";
import type { ClusterLoadReport } from "../signals/load-report.ts";
import { Demand } from "./demand.ts";
import { startXdsServer, type XdsServer, type XdsServerOptions } from "./server.ts";

/** CI is slow; nothing here is meant to take this long. */
const PATIENCE_MS = 30_000;

export interface TestServer {
  readonly server: XdsServer;
  readonly address: string;
  readonly store: ResourceStore;
  readonly demand: Demand;
  readonly registry: Registry;
  /** Every line that was logged. */
  readonly logged: Record<string, unknown>[];
  readonly reports: ClusterLoadReport[];
  readonly gone: string[];
  setReady(ready: boolean): void;
  /** Sum of a metric's values, of those with these labels. */
  metric(name: string, labels?: Record<string, string>): Promise<number>;
}

export async function startTestServer(options: Partial<XdsServerOptions> = {}): Promise<TestServer> {
  const store = new ResourceStore();
  const demand = new Demand();
  const registry = new Registry();
  const logged: Record<string, unknown>[] = [];
  const reports: ClusterLoadReport[] = [];
  const gone: string[] = [];
  let ready = true;
  const server = await startXdsServer({
    store,
    demand,
    registry,
    loadReports: { record: (list) => void reports.push(...list), clientGone: (client) => void gone.push(client) },
    host: "127.0.0.1",
    port: 0,
    log: pino({ level: "debug" }, { write: (line: string) => void logged.push(JSON.parse(line)) }),
    ready: () => ready,
    ...options,
  });
  return {
    server,
    address: `127.0.0.1:${server.port}`,
    store,
    demand,
    registry,
    logged,
    reports,
    gone,
    setReady: (value) => {
      ready = value;
    },
    async metric(name, labels = {}) {
      const metric = (await registry.getMetricsAsJSON()).find((one) => one.name === name);
      return (metric?.values ?? [])
        .filter((value) => Object.entries(labels).every(([key, label]) => value.labels[key] === label))
        .reduce((sum, { value }) => sum + value, 0);
    },
  };
}

export const plaintext = () => credentials.createInsecure();

/** Waits until `holds` does. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`still not so after ${PATIENCE_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** One stream from the client's side: what came waits until it is taken. */
export class Talk<Request, Response> {
  readonly call: ClientDuplexStream<Request, Response>;
  readonly came: Response[] = [];
  error: ServiceError | undefined;
  ended = false;

  constructor(call: ClientDuplexStream<Request, Response>) {
    this.call = call;
    call.on("data", (message: Response) => this.came.push(message));
    call.on("error", (error: ServiceError) => {
      this.error = error;
    });
    call.on("end", () => {
      this.ended = true;
    });
  }

  say(request: Request): void {
    this.call.write(request);
  }

  /** The next message, which must come. */
  async next(): Promise<Response> {
    await until("a response", () => this.came.length > 0 || this.error !== undefined);
    const message = this.came.shift();
    if (message === undefined) throw this.error ?? new Error("the stream has ended");
    return message;
  }

  /** The error that ends the stream. */
  async failure(): Promise<ServiceError> {
    await until("an error", () => this.error !== undefined);
    return this.error as ServiceError;
  }

  hangUp(): void {
    this.call.cancel();
  }
}

export type SotwTalk = Talk<DiscoveryRequest, DiscoveryResponse>;
export type DeltaTalk = Talk<DeltaDiscoveryRequest, DeltaDiscoveryResponse>;
