import { beforeEach, expect, test, vi } from "vitest";
import { loadScript } from "./test-support.ts";

const k6 = await vi.hoisted(async () => (await import("./test-support.ts")).k6StandIns());
vi.mock("k6/http", () => ({ default: k6.http }));
vi.mock("k6/metrics", () => k6.metrics);

beforeEach(() => {
  k6.samples.length = 0;
  k6.http.request.mockReset().mockReturnValue({ status: 200, timings: { duration: 5 } });
  return () => vi.unstubAllGlobals();
});

test("gets one URL, with nothing added", async () => {
  (await loadScript("proxy.js", { URL: "http://host/a?b=c" })).default();
  expect(k6.http.request.mock.lastCall).toEqual(["GET", "http://host/a?b=c", null, { headers: {}, timeout: "220s" }]);
});

test("asks for several URLs in turn", async () => {
  const proxy = await loadScript("proxy.js", { URL: "http://host/a http://host/b" });
  for (const iteration of [0, 1, 2]) {
    vi.stubGlobal("__ITER", iteration);
    proxy.default();
  }
  expect(k6.http.request.mock.calls.map(([, url]) => url)).toEqual(["http://host/b", "http://host/a", "http://host/b"]);
});

test("sends method, host and body, and takes the statuses it was told for successes", async () => {
  k6.http.request.mockReturnValue({ status: 204, timings: { duration: 5 } });
  const env = { URL: "http://host/a", METHOD: "PUT", HOST_HEADER: "my-service", BODY: "/body", EXPECT: "200,204" };
  (await loadScript("proxy.js", env)).default();
  const [method, , body, { headers }] = k6.http.request.mock.lastCall ?? [];
  expect(method).toBe("PUT");
  expect(new TextDecoder().decode(body)).toBe("/body");
  expect(headers).toEqual({ Host: "my-service", "Content-Type": "application/octet-stream" });
  expect(k6.samples).toEqual([
    ["request_ok", true],
    ["status_204", 1],
    ["request_latency", 5],
  ]);
});

test("tells the statuses", async () => {
  const { handleSummary } = await loadScript("proxy.js", { URL: "http://host/" });
  const metrics = { request_ok: { values: { passes: 2, fails: 0 } }, status_200: { values: { count: 2 } } };
  expect(handleSummary({ metrics, state: { testRunDurationMs: 1000 } }).stdout).toMatch(/\nStatus 200: 2\n$/);
});

test("says what must be given", async () => {
  await expect(loadScript("proxy.js", {})).rejects.toThrow("URL must be given");
});
