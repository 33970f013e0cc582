import { beforeEach, expect, test, vi } from "vitest";
import { loadScript } from "./test-support.ts";

const k6 = await vi.hoisted(async () => (await import("./test-support.ts")).k6StandIns());
vi.mock("k6/http", () => ({ default: k6.http }));
vi.mock("k6/metrics", () => k6.metrics);

beforeEach(() => {
  k6.samples.length = 0;
  return () => vi.unstubAllGlobals();
});

test("posts the file as the field `file`, under its own name", async () => {
  k6.http.post.mockReturnValue({ status: 200, timings: { duration: 12 } });
  const env = { URL: "http://host/reencrypt", FILE: "/some/where/script.py", TOTAL: "7" };
  const upload = await loadScript("upload.js", env);
  expect(upload.options.scenarios.load).toMatchObject({ iterations: 7 });
  upload.default();
  const [url, body, params] = k6.http.post.mock.lastCall ?? [];
  expect(url).toBe("http://host/reencrypt");
  expect(Object.keys(body)).toEqual(["file"]);
  expect(body.file).toMatchObject({ name: "script.py", type: "application/octet-stream" });
  expect(params).toEqual({ timeout: "220s" });
  expect(k6.samples).toEqual([
    ["request_ok", true],
    ["status_200", 1],
    ["request_latency", 12],
  ]);
});

test.each([
  [500, "status_500"],
  [503, "status_503"],
  [302, "status_302"],
  [201, "status_201"],
  [299, "status_other"],
  [0, "status_none"],
])("an answer of %i is a failure, and its time is not counted", async (status, counter) => {
  k6.http.post.mockReturnValue({ status, timings: { duration: 1 } });
  (await loadScript("upload.js", { URL: "http://host/reencrypt", FILE: "/script.py" })).default();
  expect(k6.samples).toEqual([
    ["request_ok", false],
    [counter, 1],
  ]);
});

test("says what must be given", async () => {
  await expect(loadScript("upload.js", { URL: "http://host" })).rejects.toThrow("URL and FILE must be given");
});
