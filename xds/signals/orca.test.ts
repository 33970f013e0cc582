import { Server, ServerCredentials, type ServerWritableStream } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { OrcaLoadReport } from "../../proto/generated/xds/data/orca/v3/orca_load_report.ts";
import { OpenRcaServiceService, type OrcaLoadReportRequest } from "../../proto/generated/xds/service/orca/v3/orca.ts";
import { affordableIntervalMs, OrcaSignals } from "./orca.ts";
import { SignalTable } from "./table.ts";
import { ManualFleet, testCluster, testEndpoint } from "./test-support.ts";

type Call = ServerWritableStream<OrcaLoadReportRequest, OrcaLoadReport>;

const WAIT = { timeout: 30_000, interval: 10 };

/** An agent that says what it is told to, on a free port. */
class FakeAgent {
  readonly calls = new Set<Call>();
  readonly requests: OrcaLoadReportRequest[] = [];
  port = 0;
  report = OrcaLoadReport.create({ cpuUtilization: 0.25 });
  silent = false;
  #server = new Server();

  async start(port = 0): Promise<void> {
    this.#server = new Server();
    this.#server.addService(OpenRcaServiceService, { streamCoreMetrics: (call: Call) => this.#serve(call) });
    this.port = await new Promise<number>((resolve, reject) =>
      this.#server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  #serve(call: Call): void {
    this.requests.push(call.request);
    this.calls.add(call);
    const timer = setInterval(() => {
      if (!this.silent) call.write(this.report);
    }, 20);
    call.once("close", () => {
      clearInterval(timer);
      this.calls.delete(call);
    });
  }
}

let agent: FakeAgent;
let fleet: ManualFleet;
let table: SignalTable;
let orca: OrcaSignals;

beforeEach(async () => {
  agent = new FakeAgent();
  await agent.start();
  fleet = new ManualFleet();
  table = new SignalTable();
  orca = new OrcaSignals({ fleet, sink: table });
});

afterEach(() => {
  orca.close();
  agent.stop();
});

const endpoint = (number: number, port = agent.port) => testEndpoint(number, { agent: { address: "127.0.0.1", port } });
const utilisation = (number: number) => table.get(`10.0.0.${number}:80`)?.cpu?.utilisation;

test("one stream for each agent, asked at 10 Hz, tells of all its endpoints", async () => {
  fleet.set(
    testCluster("one", [endpoint(1), endpoint(2)]),
    testCluster("two", [endpoint(1), testEndpoint(9, { agent: undefined })]),
  );
  await vi.waitFor(() => expect([utilisation(1), utilisation(2)]).toEqual([0.25, 0.25]), WAIT);
  expect(agent.requests).toEqual([{ reportInterval: { seconds: 0n, nanos: 100_000_000 }, requestCostNames: [] }]);
  expect(orca.statistics()).toMatchObject({ agents: 1, telling: 1 });
  expect(utilisation(9)).toBeUndefined();
});

test("the application's own figure comes before that of the CPU", async () => {
  agent.report = OrcaLoadReport.create({ cpuUtilization: 0.25, applicationUtilization: 0.75 });
  fleet.set(testCluster("one", [endpoint(1)]));
  await vi.waitFor(() => expect(utilisation(1)).toBe(0.75), WAIT);
});

test("an agent that leaves the fleet is let go, and close lets go of all", async () => {
  fleet.set(testCluster("one", [endpoint(1)]));
  await vi.waitFor(() => expect(agent.calls.size).toBe(1), WAIT);
  fleet.set(testCluster("one", []));
  await vi.waitFor(() => expect(agent.calls.size).toBe(0), WAIT);
  fleet.set(testCluster("one", [endpoint(1)]));
  await vi.waitFor(() => expect(agent.calls.size).toBe(1), WAIT);
  orca.close();
  await vi.waitFor(() => expect(agent.calls.size).toBe(0), WAIT);
  expect(fleet.listeners).toBe(0);
});

test("an agent that restarts is found again", async () => {
  fleet.set(testCluster("one", [endpoint(1)]));
  await vi.waitFor(() => expect(orca.statistics().telling).toBe(1), WAIT);
  agent.stop();
  await vi.waitFor(() => expect(orca.statistics().telling).toBe(0), WAIT);
  agent.report = OrcaLoadReport.create({ cpuUtilization: 1 });
  await agent.start(agent.port);
  await vi.waitFor(() => expect(utilisation(1)).toBeGreaterThan(0.9), WAIT);
  expect(orca.statistics().failures).toBeGreaterThan(0);
});

test("an agent that says nothing any more is called again", async () => {
  fleet.set(testCluster("one", [endpoint(1)]));
  await vi.waitFor(() => expect(orca.statistics().telling).toBe(1), WAIT);
  agent.silent = true;
  await vi.waitFor(() => expect(agent.requests.length).toBeGreaterThan(1), WAIT);
  agent.silent = false;
  await vi.waitFor(() => expect(orca.statistics().telling).toBe(1), WAIT);
});

test("many agents are asked less often, so that reports stay within what they may cost", () => {
  expect(affordableIntervalMs(1, 100)).toBe(100);
  expect(affordableIntervalMs(500, 100)).toBe(100);
  expect(affordableIntervalMs(501, 100)).toBe(200);
  expect(affordableIntervalMs(5000, 100)).toBe(1600);
});
