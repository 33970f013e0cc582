import { beforeEach, expect, test } from "vitest";
import { seededRandom } from "../weights/random.ts";
import type { ClusterLoadReport, EndpointLoad } from "./load-report.ts";
import { LoadReports } from "./load-reports.ts";
import { SignalTable } from "./table.ts";

let nowMs: number;
let table: SignalTable;
let reports: LoadReports;

beforeEach(() => {
  nowMs = 0;
  table = new SignalTable(() => nowMs);
  reports = new LoadReports(table, () => nowMs);
});

const LOAD: EndpointLoad = { endpointKey: "a", inFlight: 2, requests: 50, errors: 5 };

function report(more: Partial<ClusterLoadReport> = {}): ClusterLoadReport {
  return { client: "envoy-1", cluster: "workers", intervalMs: 500, endpoints: [LOAD], ...more };
}

const load = (key: string) => table.get(key)?.load;

test("counts become rates over each client's own interval, and are summed over clients and clusters", () => {
  reports.record([report(), report({ cluster: "others" })]);
  reports.record([report({ client: "envoy-2", intervalMs: 1000 })]);
  expect(load("a")).toEqual({ inFlight: 6, requestsPerSecond: 250, errorsPerSecond: 25, busyMs: 0, atMs: 0 });
});

test("rates are over the last second of a client's reports, requests in flight are those of its last one", () => {
  const told = [40, 30, 0, 0, 0, 10].map((requests, index) => {
    nowMs = 250 * index;
    reports.record([report({ intervalMs: 250, endpoints: [{ ...LOAD, requests, inFlight: index }] })]);
    return load("a")?.requestsPerSecond;
  });
  expect(told).toEqual([160, 140, expect.closeTo(280 / 3, 5), 70, 30, 10]);
  expect(load("a")).toMatchObject({ inFlight: 5, busyMs: 1250 });
});

test("an endpoint that a report on its cluster leaves out had no traffic", () => {
  const both = [LOAD, { ...LOAD, endpointKey: "b" }];
  reports.record([
    report({ endpoints: both }),
    report({ cluster: "others", endpoints: [{ ...LOAD, endpointKey: "c" }] }),
  ]);
  nowMs = 500;
  reports.record([report()]);
  expect(load("b")).toEqual({ inFlight: 0, requestsPerSecond: 50, errorsPerSecond: 5, busyMs: 0, atMs: 500 });
  nowMs = 1000;
  reports.record([report({ endpoints: [] })]);
  expect(load("b")).toMatchObject({ requestsPerSecond: 0, busyMs: Number.NEGATIVE_INFINITY });
  expect(load("a")).toMatchObject({ inFlight: 0, requestsPerSecond: 50, busyMs: 500 });
  expect(load("c")).toMatchObject({ inFlight: 2, requestsPerSecond: 100 });
});

test("what all clients tell is at all times the sum of what each tells alone", () => {
  const random = seededRandom(1);
  const below = (limit: number) => Math.floor(random() * limit);
  const clients = Array.from({ length: 20 }, () => {
    const own = new SignalTable(() => nowMs);
    return { own, alone: new LoadReports(own, () => nowMs) };
  });
  for (let step = 0; step < 1000; step += 1) {
    nowMs += below(20);
    const index = below(clients.length);
    const { alone } = clients[index] as (typeof clients)[number];
    const client = `envoy-${index}`;
    const endpoints = ["a", "b", "c"]
      .filter(() => random() < 0.6)
      .map((endpointKey) => ({ endpointKey, requests: below(100), errors: below(3), inFlight: below(5) }));
    const told = report({ client, cluster: `c${below(2)}`, intervalMs: 50 + 700 * random(), endpoints });
    const isGone = random() < 0.01;
    for (const each of [alone, reports]) {
      if (isGone) each.clientGone(client);
      each.record([told]);
    }
    // Silent ones are looked for in reports alone.
    if (step % 10 > 0) continue;
    for (const each of [...clients.map(({ alone: other }) => other), reports]) each.record([]);
    for (const key of ["a", "b", "c"])
      for (const figure of ["requestsPerSecond", "errorsPerSecond", "inFlight"] as const) {
        const plain = clients.reduce((sum, { own }) => sum + (own.get(key)?.load?.[figure] ?? 0), 0);
        expect(load(key)?.[figure] ?? 0).toBe(plain);
      }
  }
});

test("when all have had their requests, their rates leave nothing behind", () => {
  const clients = [1, 2, 3, 4, 5].map((number) => `envoy-${number}`);
  for (const [index, client] of clients.entries())
    reports.record([report({ client, intervalMs: 700 + 77.7 * index, endpoints: [{ ...LOAD, requests: 1 }] })]);
  nowMs = 2000;
  for (const client of clients)
    reports.record([report({ client, intervalMs: 1500, endpoints: [{ ...LOAD, requests: 0 }] })]);
  expect(load("a")).toMatchObject({ requestsPerSecond: 0, inFlight: 10, busyMs: 2000 });
});

test("a client that has gone counts no more", () => {
  reports.record([report()]);
  reports.record([report({ client: "envoy-2" })]);
  reports.clientGone("envoy-1");
  expect(load("a")).toMatchObject({ inFlight: 2, requestsPerSecond: 100 });
  reports.clientGone("envoy-2");
  reports.clientGone("nobody");
  expect(load("a")).toMatchObject({ inFlight: 0, requestsPerSecond: 0 });
});

test("a client that has fallen silent counts no more after a while", () => {
  reports.record([report({ client: "silent" })]);
  nowMs = 6000;
  reports.record([report()]);
  expect(load("a")).toMatchObject({ inFlight: 2, requestsPerSecond: 100 });
});

test("a report over no time is left out", () => {
  reports.record([report({ intervalMs: 0 }), report({ intervalMs: Number.NaN })]);
  expect(load("a")).toBeUndefined();
});

test("who reports on a cluster is known, with or without traffic, and until when all have", () => {
  const none = { reporters: 0, untilMs: Number.NEGATIVE_INFINITY };
  expect(reports.coverage("workers")).toEqual(none);
  reports.record([report({ endpoints: [] }), report({ cluster: "others" })]);
  nowMs = 100;
  reports.record([report({ client: "envoy-2" })]);
  expect(reports.coverage("workers")).toEqual({ reporters: 2, untilMs: 0 });
  expect(reports.coverage("others")).toEqual({ reporters: 1, untilMs: 0 });
  reports.clientGone("envoy-1");
  expect(reports.coverage("workers")).toEqual({ reporters: 1, untilMs: 100 });
  expect(reports.coverage("others")).toEqual(none);
  nowMs = 6000;
  expect(reports.coverage("workers")).toEqual(none);
  reports.record([report()]);
  expect(reports.coverage("workers")).toEqual({ reporters: 1, untilMs: 6000 });
});

test("listeners hear of each report once it is taken in, until they end", () => {
  const heard: [string, number][] = [];
  const end = reports.subscribe((cluster) => heard.push([cluster, reports.coverage(cluster).reporters]));
  reports.record([report(), report({ cluster: "others", endpoints: [] }), report({ cluster: "odd", intervalMs: 0 })]);
  end();
  reports.record([report()]);
  expect(heard).toEqual([
    ["workers", 1],
    ["others", 1],
  ]);
});
