import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Cluster } from "../fleet/fleet.ts";
import { TYPE_URLS } from "../resources/resource.ts";
import { Demand } from "../server/demand.ts";
import { LoadReports } from "../signals/load-reports.ts";
import { SignalTable } from "../signals/table.ts";
import { ManualFleet, testCluster, testEndpoint } from "../signals/test-support.ts";
import { Balancer, SETTLE_TIMEOUT_MS } from "./balancer.ts";
import { PUSH_INTERVAL_MS } from "./cluster-weights.ts";
import { NEUTRAL_WEIGHT } from "./law.ts";

interface Told {
  readonly cluster: Cluster;
  readonly weights: Record<string, number>;
  readonly equal: boolean;
}

let fleet: ManualFleet;
let table: SignalTable;
let demand: Demand;
let reports: LoadReports;
let told: Told[];
let balancer: Balancer;

beforeEach(() => {
  vi.useFakeTimers();
  fleet = new ManualFleet();
  table = new SignalTable();
  demand = new Demand();
  reports = new LoadReports(table);
  told = [];
  balancer = new Balancer({
    fleet,
    signals: table,
    demand,
    loadReports: reports,
    onWeights: (cluster, weights, equal) => void told.push({ cluster, weights: Object.fromEntries(weights), equal }),
  });
});

afterEach(() => {
  balancer.close();
  expect(vi.getTimerCount()).toBe(0);
  expect(fleet.listeners).toBe(0);
  vi.useRealTimers();
});

const THREE = testCluster("workers", [testEndpoint(1), testEndpoint(2), testEndpoint(3)]);

/** The agents tell at 10 Hz for some time. */
function tell(utilisations: readonly number[], forMs: number): void {
  for (let passed = 0; passed < forMs; passed += 100) {
    for (const [index, utilisation] of utilisations.entries())
      table.recordCpu(`10.0.0.${index + 1}:80`, { source: "agent", utilisation, atMs: performance.now(), overMs: 100 });
    vi.advanceTimersByTime(100);
  }
}

const last = () => told.at(-1) as Told;

describe("settling", () => {
  test("holds a cluster back until all of its agents have told", () => {
    fleet.set(THREE);
    tell([0.3, 0.3], 2000);
    expect(told).toEqual([]);
    expect(balancer.settling()).toEqual(["workers"]);
    // One busy look of a worker that is not busy is not what it resumes with.
    tell([1, 0.3, 1], 100);
    expect(told).toEqual([]);
    tell([0.3, 0.3, 1], 700);
    expect(told.length).toBe(1);
    expect(balancer.settling()).toEqual([]);
    // It resumes where the busy worker is: no equal weights first.
    expect(last().equal).toBe(false);
    expect(last().weights["10.0.0.3:80"]).toBeLessThan((last().weights["10.0.0.1:80"] as number) / 4);
  });

  test("ends when agents take too long", () => {
    fleet.set(THREE);
    tell([0.3, 0.3], SETTLE_TIMEOUT_MS - 100);
    expect(told).toEqual([]);
    tell([0.3, 0.3], 700);
    expect(last()).toMatchObject({ cluster: THREE, equal: true });
  });

  test("asks nothing of clusters without agents, draining endpoints, or without endpoints", () => {
    fleet.set(
      testCluster("empty", []),
      testCluster("plain", [testEndpoint(1, { agent: undefined })]),
      testCluster("leaving", [testEndpoint(2, { state: "draining" })]),
    );
    expect(told.map(({ cluster, equal }) => [cluster.name, equal])).toEqual([
      ["empty", true],
      ["plain", true],
      ["leaving", true],
    ]);
  });

  test("an endpoint that comes later never holds the cluster back", () => {
    fleet.set(THREE);
    tell([0.3, 0.3, 0.3], 1000);
    fleet.set(testCluster("workers", [...THREE.endpoints, testEndpoint(4)]));
    expect(last().weights["10.0.0.4:80"]).toBe(NEUTRAL_WEIGHT);
  });
});

describe("once settled", () => {
  beforeEach(() => {
    fleet.set(THREE);
    tell([0.3, 0.3, 0.3], 1000);
  });

  test("a calm fleet is told once", () => {
    tell([0.3, 0.35, 0.25], 5000);
    expect(told.length).toBe(1);
    expect(last()).toMatchObject({ equal: true, weights: { "10.0.0.1:80": NEUTRAL_WEIGHT } });
  });

  test("a worker whose CPU steps to full loses its weight within a second, and gets it back", () => {
    tell([1, 0.3, 0.3], 800);
    expect(last().weights["10.0.0.1:80"]).toBeLessThan((last().weights["10.0.0.2:80"] as number) / 3);
    tell([0.1, 0.3, 0.3], 2000);
    expect(last().equal).toBe(true);
  });

  /** The only proxy says that it sends nothing. */
  function reportNone(): void {
    reports.record([{ client: "envoy", cluster: "workers", intervalMs: 100, endpoints: [] }]);
    vi.advanceTimersByTime(25);
  }

  function step(utilisation: number): void {
    table.recordCpu("10.0.0.1:80", { source: "agent", utilisation, atMs: performance.now(), overMs: 100 });
    vi.advanceTimersByTime(25);
  }

  test("a step that no request of ours can have made is answered with the next load report", () => {
    demand.add(TYPE_URLS.endpoints, "workers");
    reportNone();
    step(0.9);
    expect(last().equal).toBe(true);
    reportNone();
    expect(last().weights["10.0.0.1:80"]).toBeLessThan((last().weights["10.0.0.2:80"] as number) / 10);
  });

  test("what must wait for the push interval is told when it ends", () => {
    demand.add(TYPE_URLS.endpoints, "workers");
    step(0.9);
    reportNone();
    vi.advanceTimersByTime(25);
    step(0.1);
    reportNone();
    expect(last().equal).toBe(false);
    vi.advanceTimersByTime(PUSH_INTERVAL_MS - 75);
    expect(last().equal).toBe(true);
  });

  test("weights change no more often than the push interval", () => {
    const before = told.length;
    for (let round = 0; round < 10; round += 1) tell([round % 2, 0.3, 0.3], 400);
    expect(told.length - before).toBeLessThanOrEqual(4000 / PUSH_INTERVAL_MS);
  });

  test("unequal weights fade to equal when all agents fall silent, without any event", () => {
    tell([1, 0.3, 0.3], 2000);
    expect(last().equal).toBe(false);
    vi.advanceTimersByTime(8000);
    expect(last().equal).toBe(true);
  });

  test("who is there is told at once, in a map of its own", () => {
    const draining = testCluster("workers", [testEndpoint(1, { state: "draining" }), testEndpoint(2), testEndpoint(3)]);
    fleet.set(draining);
    expect(told.length).toBe(2);
    expect(last()).toMatchObject({ cluster: draining, equal: true });
    fleet.set(testCluster("workers", [testEndpoint(2)]));
    expect(Object.keys(last().weights)).toEqual(["10.0.0.2:80"]);
  });

  test("a cluster that did not change is not told again", () => {
    fleet.set(THREE, testCluster("others", []));
    expect(told.map(({ cluster }) => cluster.name)).toEqual(["workers", "others"]);
  });

  test("a cluster that leaves is forgotten, and settles anew when it returns", () => {
    fleet.set();
    expect(balancer.weights("workers")).toBeUndefined();
    vi.advanceTimersByTime(1000);
    fleet.set(THREE);
    expect(balancer.settling()).toEqual(["workers"]);
  });

  test("the number of proxies counts: one alone leaves equal weights later", () => {
    // Targets 3.4 times apart: enough for many proxies, not for one.
    const uneven = [0.86, 0.3, 0.3];
    tell(uneven, 3000);
    expect(last().equal).toBe(true);
    for (let proxy = 0; proxy < 4; proxy += 1) demand.add(TYPE_URLS.endpoints, "workers");
    tell(uneven, 3000);
    expect(last().equal).toBe(false);
  });
});

test("two balancers with the same signals tell the same weights", () => {
  const other: Record<string, number>[] = [];
  const twin = new Balancer({
    fleet,
    signals: table,
    demand,
    loadReports: reports,
    onWeights: (_, weights) => void other.push(Object.fromEntries(weights)),
  });
  fleet.set(THREE);
  tell([0.9, 0.3, 0.2], 1000);
  tell([0.1, 1, 0.2], 1000);
  twin.close();
  expect(other).toEqual(told.map(({ weights }) => weights));
});
