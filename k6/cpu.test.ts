import { beforeEach, expect, test, vi } from "vitest";
import { loadScript } from "./test-support.ts";

const k6 = await vi.hoisted(async () => (await import("./test-support.ts")).k6StandIns());
vi.mock("k6/http", () => ({ default: k6.http }));
vi.mock("k6/metrics", () => k6.metrics);

beforeEach(() => {
  k6.samples.length = 0;
  return () => vi.unstubAllGlobals();
});

test("asks 1000 times, 20 at once, unless told otherwise", async () => {
  const cpu = await loadScript("cpu.js", { URL: "http://host/load" });
  expect(cpu.options.scenarios.load).toMatchObject({ iterations: 1000, vus: 20 });
  const other = await loadScript("cpu.js", { URL: "http://host/load", TOTAL: "8", CONCURRENT: "2" });
  expect(other.options.scenarios.load).toMatchObject({ iterations: 8, vus: 2 });
});

test("gets the page and counts the answer", async () => {
  k6.http.get.mockReturnValue({ status: 503, timings: { duration: 1 } });
  (await loadScript("cpu.js", { URL: "http://host/load", TIMEOUT: "3s" })).default();
  expect(k6.http.get.mock.lastCall).toEqual(["http://host/load", { timeout: "3s" }]);
  expect(k6.samples).toEqual([
    ["request_ok", false],
    ["status_503", 1],
  ]);
});

test("tells the figures in the words of the CPU load test", async () => {
  const { handleSummary } = await loadScript("cpu.js", { URL: "http://host/load" });
  const metrics = { request_ok: { values: { passes: 2, fails: 1 } } };
  expect(handleSummary({ metrics, state: { testRunDurationMs: 1000 } }).stdout).toMatch(
    /^Successful requests: 2\nFailed requests: 1\nTotal requests: 3\n/,
  );
});

test("says what must be given", async () => {
  await expect(loadScript("cpu.js", {})).rejects.toThrow("URL must be given");
});
