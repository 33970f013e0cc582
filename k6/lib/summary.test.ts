import { expect, test } from "vitest";
import {
  cpuText,
  type Figures,
  figuresOf,
  figuresText,
  proxyText,
  type SummaryData,
  summaryWriter,
} from "./summary.js";

const DATA: SummaryData = {
  metrics: {
    request_ok: { values: { rate: 0.9, passes: 9, fails: 1 } },
    request_latency: { values: { "p(50)": 12.345, "p(95)": 40, "p(99)": 99.999 } },
    status_200: { values: { count: 9, rate: 2.25 } },
    status_503: { values: { count: 1, rate: 0.25 } },
  },
  state: { testRunDurationMs: 4000 },
};

const FIGURES: Figures = {
  totalRequests: 10,
  successful: 9,
  failed: 1,
  notSent: 0,
  totalTimeSeconds: 4,
  throughputPerSecond: 2.5,
  latencyMs: { p50: 12.345, p95: 40, p99: 99.999 },
  statuses: { 200: 9, 503: 1 },
};
const GOOD: Figures = { ...FIGURES, totalRequests: 9, failed: 0, statuses: { 200: 9 } };

test("takes the figures out of k6's summary", () => {
  expect(figuresOf(DATA)).toEqual(FIGURES);
});

test("says nothing of latency when nothing succeeded", () => {
  const none = figuresOf({ metrics: { request_ok: { values: { passes: 0, fails: 3 } } }, state: DATA.state });
  expect(none).toMatchObject({ totalRequests: 3, failed: 3, latencyMs: null });
  expect(figuresText(none)).toContain("Latency p99 (ms): none\n");
});

test("counts what an open model could not send", () => {
  const metrics = { ...DATA.metrics, dropped_iterations: { values: { count: 7, rate: 1 } } };
  const late = figuresOf({ metrics, state: DATA.state });
  expect(late.notSent).toBe(7);
  expect(figuresText(late)).toContain("Not sent: 7\n");
});

test("prints the names that the earlier load tester printed", () => {
  expect(figuresText(FIGURES)).toBe(
    [
      "Total Requests: 10",
      "Successful: 9",
      "Failed: 1",
      "Total Time (s): 4.00",
      "Throughput (req/s): 2.50",
      "Latency p50 (ms): 12.35",
      "Latency p95 (ms): 40.00",
      "Latency p99 (ms): 100.00",
      "Status 200: 9",
      "Status 503: 1\n",
    ].join("\n"),
  );
});

test("tells the statuses when something failed, and those of a proxy always", () => {
  expect(figuresText(GOOD)).toMatch(/Latency p99 \(ms\): 100\.00\n$/);
  expect(proxyText(GOOD)).toBe(`${figuresText(GOOD)}Status 200: 9\n`);
  expect(proxyText({ ...FIGURES, statuses: { none: 2, other: 1, 200: 9 } })).toMatch(
    /\nStatus 200: 9\nOther statuses: 1\nNo answer: 2\n$/,
  );
});

test("prints the names that the earlier CPU load test printed", () => {
  expect(cpuText(GOOD)).toMatch(/^Successful requests: 9\nFailed requests: 0\nTotal requests: 9\nTotal Time \(s\): 4/);
  expect(cpuText(FIGURES)).toMatch(/\nStatus 200: 9\nStatus 503: 1\n$/);
});

test("writes the figures to a file, or to the terminal when a script is run by hand", () => {
  expect(summaryWriter({ SUMMARY: "/tmp/s.json" })(DATA)).toEqual({ "/tmp/s.json": JSON.stringify(FIGURES) });
  expect(summaryWriter({})(DATA)).toEqual({ stdout: figuresText(FIGURES) });
});
