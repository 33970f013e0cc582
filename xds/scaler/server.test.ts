import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ChannelCredentials, credentials, type ServiceError, status } from "@grpc/grpc-js";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, expect, it, onTestFinished, vi } from "vitest";
import { EvenkeelError } from "../../common/errors.ts";
import { ExternalScalerClient, type IsActiveResponse } from "../../proto/generated/externalscaler/externalscaler.ts";
import {
  type HealthCheckResponse,
  HealthClient,
  HealthCheckResponse_ServingStatus as Serving,
} from "../../proto/generated/grpc/health/v1/health.ts";
import { makeAuthority, makeLeaf } from "../../test/rig/certificates.ts";
import { type ScalerServer, type ScalerServerOptions, startScalerServer } from "./server.ts";
import type { Trigger } from "./trigger.ts";

const METRIC = "available_node_count_30s";
const LONG = { timeout: 30_000, interval: 20 };
const ref = (scalerMetadata: Record<string, string> = { metricName: METRIC }) => ({
  name: "posture-analyzer-job-0",
  namespace: "posture",
  scalerMetadata,
});

let folder: string;
let answer: () => Promise<boolean>;
const asked: Trigger[] = [];
const calls: string[] = [];
const servers: ScalerServer[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "evenkeel-scaler-"));
  await Promise.all(["ca", "other-ca"].map((name) => makeAuthority(folder, name)));
  const names = "subjectAltName=DNS:localhost,IP:127.0.0.1";
  await Promise.all([
    makeLeaf(folder, "ca", "server", "/CN=scaler", names),
    makeLeaf(folder, "ca", "keda", "/CN=keda"),
    makeLeaf(folder, "other-ca", "stranger", "/CN=stranger"),
  ]);
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop(100)));
  asked.length = 0;
  calls.length = 0;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string) => join(folder, name);
const pem = (name: string) => readFileSync(file(name));

async function start(options: Partial<ScalerServerOptions> = {}): Promise<string> {
  const server = await startScalerServer({
    desk: {
      ask: (trigger) => {
        asked.push(trigger);
        return answer();
      },
    },
    defaults: { metricName: METRIC, threshold: 0.7 },
    pushMs: 20,
    log: pino({ level: "silent" }),
    onCall: (method, code) => calls.push(`${method} ${code}`),
    host: "127.0.0.1",
    port: 0,
    tls: undefined,
    ready: () => true,
    ...options,
  });
  servers.push(server);
  return `127.0.0.1:${server.port}`;
}

function client(address: string, using: ChannelCredentials = credentials.createInsecure()): ExternalScalerClient {
  const made = new ExternalScalerClient(address, using);
  onTestFinished(() => made.close());
  return made;
}

/** A unary call as a promise. */
function ask<T>(send: (done: (error: ServiceError | null, value: T) => void) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    send((error, value) => (error === null ? resolve(value) : reject(error)));
  });
}

const isActive = (from: ExternalScalerClient) => ask<IsActiveResponse>((done) => from.isActive(ref(), done));

it("answers KEDA's poll: the metric's target, then its value, then whether it is active, with both number fields", async () => {
  answer = async () => true;
  const keda = client(await start());
  const spec = await ask((done) => keda.getMetricSpec(ref(), done));
  expect(spec).toEqual({ metricSpecs: [{ metricName: METRIC, targetSize: 1n, targetSizeFloat: 1 }] });
  const value = await ask((done) => keda.getMetrics({ scaledObjectRef: ref(), metricName: METRIC }, done));
  expect(value).toEqual({ metricValues: [{ metricName: METRIC, metricValue: 1n, metricValueFloat: 1 }] });
  expect(await ask((done) => keda.isActive(ref(), done))).toEqual({ result: true });
  answer = async () => false;
  const none = await ask((done) => keda.getMetrics({ scaledObjectRef: ref(), metricName: METRIC }, done));
  expect(none).toEqual({ metricValues: [{ metricName: METRIC, metricValue: 0n, metricValueFloat: 0 }] });
  expect(await ask((done) => keda.isActive(ref(), done))).toEqual({ result: false });
  expect(asked.map(({ key }) => key)).toEqual(Array(4).fill("posture/posture-analyzer-job-0"));
  expect(calls).toEqual(["GetMetricSpec 0", "GetMetrics 0", "IsActive 0", "GetMetrics 0", "IsActive 0"]);
});

it("what is not known is UNAVAILABLE, what cannot be meant INVALID_ARGUMENT, each with its reason", async () => {
  const keda = client(await start());
  answer = async () => {
    throw new EvenkeelError("EK_FIGURE_STALE", "node a: its CPU figure (agent) is 75 s old");
  };
  await expect(ask((done) => keda.isActive(ref(), done))).rejects.toMatchObject({
    code: status.UNAVAILABLE,
    details: expect.stringMatching(/EK_FIGURE_STALE.*75 s old/),
  });
  const metrics = (metricName: string, metadata?: Record<string, string>) =>
    ask((done) => keda.getMetrics({ scaledObjectRef: ref(metadata), metricName }, done));
  await expect(metrics(METRIC)).rejects.toMatchObject({ code: status.UNAVAILABLE });
  answer = async () => true;
  for (const [attempt, details] of [
    [metrics("cpu"), /there is no metric "cpu" \(there is available_node_count_30s\)/],
    [metrics(""), /the metric's name is empty/],
    [metrics(METRIC, { cpuThreshold: "NaN" }), /cpuThreshold "NaN"/],
    [ask((done) => keda.getMetricSpec(ref({ metricName: "x" }), done)), /metricName "x" is unknown/],
    [ask((done) => keda.isActive({ ...ref(), name: "" }, done)), /name of the ScaledJob is empty/],
  ] as const)
    await expect(attempt).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringMatching(details),
    });
  answer = async () => {
    throw new TypeError("a fault of our own");
  };
  await expect(ask((done) => keda.isActive(ref(), done))).rejects.toMatchObject({ code: status.INTERNAL });
});

it("pushes activity at once and when it changes, and ends the stream with the reason when it is not known", async () => {
  answer = async () => true;
  const keda = client(await start());
  const stream = keda.streamIsActive(ref());
  const told: boolean[] = [];
  let failure: ServiceError | undefined;
  stream.on("data", ({ result }: IsActiveResponse) => told.push(result));
  stream.on("error", (error: ServiceError) => {
    failure = error;
  });
  await vi.waitFor(() => expect(told).toEqual([true]), LONG);
  await vi.waitFor(() => expect(asked.length).toBeGreaterThan(3), LONG);
  answer = async () => false;
  await vi.waitFor(() => expect(told).toEqual([true, false]), LONG);
  answer = async () => {
    throw new EvenkeelError("EK_QUEUE_UNREADABLE", "it cannot be read");
  };
  await vi.waitFor(() => expect(failure?.code).toBe(status.UNAVAILABLE), LONG);
  expect(failure?.details).toContain("EK_QUEUE_UNREADABLE");
  expect(calls).toContain(`StreamIsActive ${status.UNAVAILABLE}`);
});

it("a push trigger that leaves is looked at no more", async () => {
  answer = async () => true;
  const keda = client(await start());
  const stream = keda.streamIsActive(ref());
  stream.on("error", () => undefined);
  await vi.waitFor(() => expect(asked.length).toBeGreaterThan(1), LONG);
  stream.cancel();
  await vi.waitFor(() => expect(calls).toContain(`StreamIsActive ${status.CANCELLED}`), LONG);
  const before = asked.length;
  // The pending timer is gone: whatever was under way ends, and nothing follows.
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(asked.length).toBeLessThanOrEqual(before + 1);
});

it("with TLS, KEDA's caCert is enough; with mTLS it must show a certificate of the right authority", async () => {
  answer = async () => true;
  const pair = { certificate: file("server.crt"), key: file("server.key") };
  const plainTls = await start({ tls: { ...pair, clientCa: undefined } });
  expect(await isActive(client(plainTls, credentials.createSsl(pem("ca.crt"))))).toEqual({ result: true });

  const mutual = await start({ tls: { ...pair, clientCa: file("ca.crt") } });
  const as = (name: string) => credentials.createSsl(pem("ca.crt"), pem(`${name}.key`), pem(`${name}.crt`));
  expect(await isActive(client(mutual, as("keda")))).toEqual({ result: true });
  const before = asked.length;
  for (const refused of [credentials.createSsl(pem("ca.crt")), as("stranger"), credentials.createInsecure()])
    await expect(ask((done) => client(mutual, refused).isActive(ref(), done))).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    });
  expect(asked.length).toBe(before);
  // And KEDA does not trust a scaler whose certificate another authority signed.
  await expect(
    ask((done) => client(mutual, credentials.createSsl(pem("other-ca.crt"))).isActive(ref(), done)),
  ).rejects.toMatchObject({ code: status.UNAVAILABLE });
});

it("certificates that cannot be used are named at the start", async () => {
  const tls = { certificate: file("none.crt"), key: file("server.key"), clientCa: undefined };
  await expect(start({ tls })).rejects.toMatchObject({ code: "EK_FILE_UNREADABLE", where: file("none.crt") });
});

it("answers health checks, for the whole server and for the service", async () => {
  let ready = false;
  const address = await start({ ready: () => ready });
  const health = new HealthClient(address, credentials.createInsecure());
  onTestFinished(() => health.close());
  const check = (service: string) => ask<HealthCheckResponse>((done) => health.check({ service }, done));
  expect((await check("")).status).toBe(Serving.NOT_SERVING);
  ready = true;
  expect((await check("")).status).toBe(Serving.SERVING);
  expect((await check("externalscaler.ExternalScaler")).status).toBe(Serving.SERVING);
  await expect(check("other")).rejects.toMatchObject({ code: status.NOT_FOUND });
});

it("a port that is taken is named", async () => {
  answer = async () => true;
  const address = await start();
  await expect(start({ port: Number(address.split(":")[1]) })).rejects.toMatchObject({ code: "EK_PORT_IN_USE" });
});
