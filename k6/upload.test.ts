import { beforeEach, expect, test, vi } from "vitest";

/** Stand-ins for k6's own modules, which exist only inside k6. */
const k6 = vi.hoisted(() => ({
  post: vi.fn(),
  file: vi.fn((content: ArrayBuffer, name: string, type: string) => ({ content, name, type })),
  samples: [] as [string, unknown][],
}));
vi.mock("k6/http", () => ({ default: { post: k6.post, file: k6.file } }));
vi.mock("k6/metrics", () => {
  class Metric {
    readonly name: string;
    constructor(name: string) {
      this.name = name;
    }
    add(value: unknown): void {
      k6.samples.push([this.name, value]);
    }
  }
  return { Rate: Metric, Trend: Metric };
});

interface Script {
  readonly default: () => void;
  readonly options: { readonly scenarios: { readonly load: object } };
}

async function script(env: Record<string, string>): Promise<Script> {
  vi.stubGlobal("__ENV", env);
  vi.stubGlobal("open", (path: string) => new TextEncoder().encode(path).buffer);
  vi.resetModules();
  return (await import(new URL("./upload.js", import.meta.url).pathname)) as Script;
}

beforeEach(() => {
  k6.samples.length = 0;
  return () => vi.unstubAllGlobals();
});

test("posts the file as the field `file`, under its own name", async () => {
  k6.post.mockReturnValue({ status: 200, timings: { duration: 12 } });
  const upload = await script({ URL: "http://host/reencrypt", FILE: "/some/where/script.py", TOTAL: "7" });
  expect(upload.options.scenarios.load).toMatchObject({ iterations: 7 });
  upload.default();
  const [url, body, params] = k6.post.mock.lastCall ?? [];
  expect(url).toBe("http://host/reencrypt");
  expect(Object.keys(body)).toEqual(["file"]);
  expect(body.file).toMatchObject({ name: "script.py", type: "application/octet-stream" });
  expect(params).toEqual({ timeout: "220s" });
  expect(k6.samples).toEqual([
    ["request_ok", true],
    ["request_latency", 12],
  ]);
});

test.each([500, 503, 302, 201, 0])("an answer of %i is a failure, and its time is not counted", async (status) => {
  k6.post.mockReturnValue({ status, timings: { duration: 1 } });
  (await script({ URL: "http://host/reencrypt", FILE: "/script.py" })).default();
  expect(k6.samples).toEqual([["request_ok", false]]);
});

test("says what must be given", async () => {
  await expect(script({ URL: "http://host" })).rejects.toThrow("URL and FILE must be given");
});
