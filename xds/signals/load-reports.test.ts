import { beforeEach, expect, test } from "vitest";
import type { EndpointLoadReport } from "./load-report.ts";
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

function report(more: Partial<EndpointLoadReport> = {}): EndpointLoadReport {
  return {
    client: "envoy-1",
    cluster: "workers",
    endpointKey: "a",
    inFlight: 2,
    requests: 50,
    errors: 5,
    intervalMs: 500,
    ...more,
  };
}

const load = (key: string) => table.get(key)?.load;

test("counts become rates over each client's own interval, and are summed over clients and clusters", () => {
  reports.record([report(), report({ cluster: "others" })]);
  reports.record([report({ client: "envoy-2", intervalMs: 1000 })]);
  expect(load("a")).toEqual({ inFlight: 6, requestsPerSecond: 250, errorsPerSecond: 25, atMs: 0 });
});

test("a client's next report takes the place of its last one", () => {
  reports.record([report()]);
  reports.record([report({ requests: 0, errors: 0, inFlight: 1 })]);
  expect(load("a")).toMatchObject({ inFlight: 1, requestsPerSecond: 0 });
});

test("an endpoint that a report on its cluster leaves out had no traffic", () => {
  reports.record([report(), report({ endpointKey: "b" }), report({ cluster: "others", endpointKey: "c" })]);
  reports.record([report()]);
  expect(load("b")).toMatchObject({ inFlight: 0, requestsPerSecond: 0 });
  expect(load("c")).toMatchObject({ requestsPerSecond: 100 });
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
