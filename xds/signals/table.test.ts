import { beforeEach, describe, expect, test } from "vitest";
import { forgetDeparted } from "./departed.ts";
import type { CpuSample, CpuSource } from "./signal.ts";
import { AGENT_FRESH_MS, SignalTable } from "./table.ts";
import { ManualFleet, testCluster, testEndpoint } from "./test-support.ts";

let nowMs: number;
let table: SignalTable;

beforeEach(() => {
  nowMs = 10_000;
  table = new SignalTable(() => nowMs);
});

function cpu(utilisation: number, source: CpuSource = "agent", atMs = nowMs): CpuSample {
  return { source, utilisation, atMs, overMs: source === "agent" ? 100 : 15_000 };
}

const LOAD = { inFlight: 1, requestsPerSecond: 2, errorsPerSecond: 0, busyMs: 10_000, atMs: 10_000 };

describe("checks", () => {
  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0.01])("refuse a CPU of %f", (value) => {
    table.recordCpu("a", cpu(value));
    expect(table.get("a")).toBeUndefined();
    expect(table.statistics().refused).toBe(1);
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("refuse a CPU that was measured for %f ms", (overMs) => {
    table.recordCpu("a", { ...cpu(0.5), overMs });
    expect(table.get("a")).toBeUndefined();
    expect(table.statistics().refused).toBe(1);
  });

  test.each(["inFlight", "requestsPerSecond", "errorsPerSecond"])("refuse a load whose %s is no number", (field) => {
    table.recordLoad("a", { ...LOAD, [field]: Number.NaN });
    table.recordLoad("a", { ...LOAD, [field]: -1 });
    expect(table.get("a")).toBeUndefined();
    expect(table.statistics().refused).toBe(2);
  });

  test("take more than all as all", () => {
    table.recordCpu("a", cpu(3.7));
    expect(table.get("a")?.cpu?.utilisation).toBe(1);
  });

  test("take a time to come as now, and one that went back as no news", () => {
    table.recordCpu("a", cpu(0.4, "agent", nowMs + 5000));
    expect(table.get("a")?.cpu?.atMs).toBe(nowMs);
    table.recordCpu("a", cpu(0.9, "agent", nowMs - 100));
    expect(table.get("a")?.cpu?.utilisation).toBe(0.4);
  });
});

describe("sources", () => {
  test("the agent's figure is used while fresh, even when another is fresher", () => {
    table.recordCpu("a", cpu(0.2));
    nowMs += 500;
    table.recordCpu("a", cpu(0.9, "metrics-api"));
    expect(table.get("a")?.cpu).toMatchObject({ source: "agent", utilisation: 0.2 });
  });

  test("a silent agent yields to the freshest other, and comes back", () => {
    table.recordCpu("a", cpu(0.2));
    table.recordCpu("a", cpu(0.5, "prometheus", nowMs - 3000));
    table.recordCpu("a", cpu(0.6, "metrics-api", nowMs + 1000));
    nowMs += AGENT_FRESH_MS + 1;
    table.recordCpu("a", cpu(0.7, "metrics-api"));
    expect(table.get("a")?.cpu?.source).toBe("metrics-api");
    table.recordCpu("a", cpu(0.3));
    expect(table.get("a")?.cpu?.source).toBe("agent");
  });

  test("a slow source's last figures are kept as they came, each with the requests of its time", () => {
    const load = (requestsPerSecond: number) => table.recordLoad("a", { ...LOAD, requestsPerSecond, atMs: nowMs });
    const second = (utilisation: number) => table.recordCpu("a", cpu(utilisation, "metrics-api", nowMs - 20_000));
    second(0.2);
    load(10);
    nowMs += 50_000;
    second(0.9);
    load(40);
    nowMs += 25_000;
    second(0.5);
    const figures = [
      // Of its 15 s, the last 5 at the new rate.
      { utilisation: 0.5, atMs: 65_000, overMs: 15_000, requestsPerSecond: 20 },
      { utilisation: 0.9, atMs: 40_000, overMs: 15_000, requestsPerSecond: 10 },
    ];
    expect(table.get("a")?.cpu).toEqual({ ...cpu(0.5, "metrics-api", 65_000), latest: 0.5, figures });
  });

  test("while an agent tells, a slow source's figures are kept without requests", () => {
    for (const passed of [0, 30_000]) {
      nowMs += passed;
      table.recordCpu("a", cpu(0.2));
      table.recordLoad("a", { ...LOAD, atMs: nowMs });
      nowMs += 100;
      table.recordCpu("a", cpu(0.7, "kubelet"));
    }
    nowMs += AGENT_FRESH_MS + 1;
    const figures = table.get("a")?.cpu?.figures;
    expect(figures?.map(({ requestsPerSecond }) => requestsPerSecond)).toEqual([undefined, undefined]);
  });

  test("load and CPU of one endpoint stand side by side", () => {
    table.recordLoad("a", LOAD);
    expect(table.get("a")).toEqual({ load: LOAD });
    table.recordCpu("a", cpu(0.2));
    expect(table.get("a")).toEqual({ load: LOAD, cpu: { ...cpu(0.2), latest: 0.2 } });
  });
});

test("listeners hear of accepted samples only, and by how much the CPU changed, until they end", () => {
  const heard: [string, number][] = [];
  const end = table.subscribe((...about) => heard.push(about));
  table.recordCpu("a", cpu(0.25));
  table.recordCpu("b", cpu(Number.NaN));
  table.recordLoad("c", LOAD);
  nowMs += 100;
  table.recordCpu("a", cpu(1));
  nowMs += 100;
  table.recordCpu("a", cpu(1));
  end();
  table.recordCpu("d", cpu(0.2));
  expect(heard).toEqual([
    ["a", 0],
    ["c", 0],
    ["a", 0.75],
    ["a", 0],
  ]);
});

test("statistics say where the CPU comes from and how old it is", () => {
  table.recordCpu("a", cpu(0.2));
  table.recordCpu("b", cpu(0.2, "prometheus", nowMs - 700));
  table.recordLoad("c", LOAD);
  expect(table.statistics()).toEqual({
    endpoints: 3,
    bySource: { agent: 1, kubelet: 0, "metrics-api": 0, prometheus: 1 },
    oldestMs: 700,
    refused: 0,
  });
});

test("what has left the fleet is forgotten", () => {
  const fleet = new ManualFleet();
  const end = forgetDeparted(fleet, table);
  for (const number of [1, 2]) table.recordCpu(`10.0.0.${number}:80`, cpu(0.2));
  fleet.set(testCluster("one", [testEndpoint(1)]), testCluster("two", [testEndpoint(1)]));
  expect(table.statistics().endpoints).toBe(1);
  fleet.set(testCluster("two", [testEndpoint(1)]));
  expect(table.get("10.0.0.1:80")).toBeDefined();
  end();
  expect(fleet.listeners).toBe(0);
});

test("what is told of endpoints that the fleet does not have is passed over", () => {
  const fleet = new ManualFleet();
  fleet.set(testCluster("one", [testEndpoint(1)]));
  const heard: string[] = [];
  table.subscribe((key) => heard.push(key));
  forgetDeparted(fleet, table);
  for (const key of ["made up", "10.0.0.1:80", "10.0.0.2:80"]) {
    table.recordLoad(key, LOAD);
    table.recordCpu(key, cpu(0.2));
  }
  expect(table.statistics()).toMatchObject({ endpoints: 1, refused: 0 });
  expect(new Set(heard)).toEqual(new Set(["10.0.0.1:80"]));
  fleet.set(testCluster("one", [testEndpoint(2)]));
  table.recordLoad("10.0.0.2:80", LOAD);
  expect(table.get("10.0.0.2:80")).toEqual({ load: LOAD });
});
