import { credentials, Server, ServerCredentials, status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type HealthCheckResponse,
  HealthClient,
  HealthService,
  HealthCheckResponse_ServingStatus as Serving,
} from "../../proto/generated/grpc/health/v1/health.ts";
import type { OrcaLoadReport } from "../../proto/generated/xds/data/orca/v3/orca_load_report.ts";
import { OpenRcaServiceClient, OpenRcaServiceService } from "../../proto/generated/xds/service/orca/v3/orca.ts";
import { healthService } from "./health-service.ts";
import { Measurement } from "./measurement.ts";
import { beat, orcaService, reportIntervalMs } from "./orca-service.ts";
import { NOTHING } from "./wanted.ts";

describe("reportIntervalMs", () => {
  const asked = (seconds: bigint, nanos: number) =>
    reportIntervalMs({ reportInterval: { seconds, nanos }, requestCostNames: [] }, 100);
  it("keeps to what the client asks, within reason", () => {
    expect(asked(2n, 500e6)).toBe(2500);
    expect(asked(0n, 1e6)).toBe(50);
    expect(asked(0n, 0)).toBe(100);
    expect(asked(-1n, 0)).toBe(100);
    expect(reportIntervalMs({ reportInterval: undefined, requestCostNames: [] }, 100)).toBe(100);
  });
});

describe("beat", () => {
  const count = (intervalMs: number, lookMs: number, jitter: number) => {
    const isDue = beat(intervalMs, lookMs);
    let sent = 0;
    for (let i = 0; i <= 100; i++) if (isDue(i * 100 + (i % 2) * jitter)) sent++;
    return sent;
  };
  it("takes every look, or one in so many, whatever the jitter", () => {
    expect(count(100, 100, 0)).toBe(101);
    expect(count(100, 100, 20)).toBe(101);
    expect(count(1000, 100, 20)).toBe(11);
  });
  it("sends no burst after a pause", () => {
    const isDue = beat(100, 100);
    expect([0, 5000, 5010, 5020, 5100].map(isDue)).toEqual([true, true, false, false, true]);
  });
});

describe("the services", () => {
  const target = { there: true };
  let server: Server;
  let measurement: Measurement;
  let address: string;

  beforeEach(async () => {
    target.there = true;
    let lastMs = 0;
    const meter = {
      look: (nowMs: number) => {
        const elapsed = nowMs - lastMs;
        lastMs = nowMs;
        return target.there ? { ...NOTHING, usedNs: elapsed * 0.6e6, waitedNs: elapsed * 0.3e6 } : undefined;
      },
      capacity: () => 1,
      memory: () => 0.5,
      alive: () => target.there,
      close: () => undefined,
    };
    measurement = new Measurement({
      open: () => (target.there ? { kind: "meter", meter } : { kind: "absent", reason: "nothing is there" }),
      cpus: undefined,
      intervalMs: 50,
      nowMs: () => performance.now(),
      onGone: () => undefined,
    });
    measurement.start();
    server = new Server();
    server.addService(
      OpenRcaServiceService,
      orcaService(measurement, 50, () => performance.now()),
    );
    server.addService(HealthService, healthService(measurement));
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      ),
    );
    address = `127.0.0.1:${port}`;
  });
  afterEach(() => {
    measurement.stop();
    server.forceShutdown();
  });

  it("streams reports, and says UNAVAILABLE when the target is gone", async () => {
    const client = new OpenRcaServiceClient(address, credentials.createInsecure());
    const reports: OrcaLoadReport[] = [];
    const stream = client.streamCoreMetrics({ reportInterval: { seconds: 0n, nanos: 50e6 }, requestCostNames: [] });
    const ended = new Promise<{ code: number; details: string }>((resolve) => stream.on("error", resolve as never));
    await new Promise<void>((resolve) =>
      stream.on("data", (report: OrcaLoadReport) => {
        reports.push(report);
        if (reports.length === 3) resolve();
      }),
    );
    expect(reports[2]?.cpuUtilization).toBeCloseTo(0.9);
    expect(reports[2]?.memUtilization).toBe(0.5);
    expect(reports[2]?.namedMetrics.cpu_used).toBeCloseTo(0.6);
    expect(reports[2]?.namedMetrics.cpu_wait).toBeCloseTo(0.3);
    target.there = false;
    const error = await ended;
    expect(error.code).toBe(status.UNAVAILABLE);
    expect(error.details).toContain("ended");
    client.close();
  });

  it("tells its health", async () => {
    const client = new HealthClient(address, credentials.createInsecure());
    const check = () =>
      new Promise<HealthCheckResponse | undefined>((resolve, reject) =>
        client.check({ service: "" }, (error, answer) => (error === null ? resolve(answer) : reject(error))),
      );
    expect((await check())?.status).toBe(Serving.SERVING);
    target.there = false;
    await measurement.once();
    expect((await check())?.status).toBe(Serving.NOT_SERVING);
    client.close();
  });
});
