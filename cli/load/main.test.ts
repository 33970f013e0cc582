import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { startChild } from "../../common/child.ts";
import { freePorts } from "../../common/ports.ts";
import { main } from "./main.ts";
import { answering, captured, serve } from "./test-support.ts";

const BUILT_IN = ["--engine", "built-in"];

const load = (...args: string[]) => captured(() => main([...args, ...BUILT_IN]));

/** Answers 200, and notes what was asked for. */
const noting = (paths: Set<string>) =>
  answering((_, __, { method, url }) => {
    paths.add(`${method} ${url}`);
    return [200, ""];
  });

async function file(content: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "evenkeel-test-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "script.py");
  await writeFile(path, content);
  return path;
}

/** The figures with each time replaced: they are the machine's. */
const withoutTimes = (text: string) => text.replace(/\d+\.\d\d$/gm, "TIME");

const TIMES = [
  "Total Time (s): TIME",
  "Throughput (req/s): TIME",
  "Latency p50 (ms): TIME",
  "Latency p95 (ms): TIME",
  "Latency p99 (ms): TIME",
];

test("upload: all good", async () => {
  const forms = new Set<string>();
  const { url } = await serve(
    answering((_, body, { method, url, headers }) => {
      forms.add(`${method} ${url} ${/filename="(.*)"/.exec(body.toString())?.[1]} ${body.includes("print(1)")}`);
      return headers["content-type"]?.startsWith("multipart/form-data; boundary=") ? [200, "{}"] : [422, "no form"];
    }),
  );
  const { code, output } = await load("upload", "-u", url, "-f", await file("print(1)\n"), "-n", "40", "-c", "4");
  expect(withoutTimes(output)).toBe(`${["Total Requests: 40", "Successful: 40", "Failed: 0", ...TIMES].join("\n")}\n`);
  expect(code).toBe(0);
  expect([...forms]).toEqual(["POST /reencrypt script.py true"]);
});

test("upload: one 500 fails the run, and is told", async () => {
  const { url } = await serve(
    answering((index) => (index === 11 ? [500, '{"detail":"could not run it"}'] : [200, ""])),
  );
  const { code, output, errors } = await load("upload", "-u", url, "-f", await file("x"), "-n", "30", "-c", "3");
  expect(code).toBe(1);
  expect(withoutTimes(output)).toBe(
    `${["Total Requests: 30", "Successful: 29", "Failed: 1", ...TIMES, "Status 200: 29", "Status 500: 1"].join("\n")}\n`,
  );
  expect(errors).toContain(`failed: POST ${url}/reencrypt: HTTP 500: {"detail":"could not run it"}\n`);
});

test("upload: the figures as JSON", async () => {
  const { url } = await serve(answering(() => [200, ""]));
  const args = ["--rate", "20", "--duration", "1s", "--json"];
  const { code, output } = await load("upload", "-u", url, "-f", await file("x"), ...args);
  expect(JSON.parse(output)).toMatchObject({ totalRequests: 20, successful: 20, failed: 0, notSent: 0 });
  expect(code).toBe(0);
});

test("proxy: paths in turn, with method, host and body; statuses are counted", async () => {
  const seen = new Map<string, number>();
  const { url } = await serve(
    answering((_, body, { method, url, headers }) => {
      const key = `${method} ${url} ${headers.host} ${body}`;
      seen.set(key, (seen.get(key) ?? 0) + 1);
      return url === "/a" ? [201, ""] : [404, "not here"];
    }),
  );
  const body = await file("content");
  const request = ["--host", "my-service", "--paths", "/a,/b?c=d", "--method", "PUT", "--body", body];
  const { code, output, errors } = await load("proxy", "-u", url, ...request, "--expect", "200,201", "-n", "20");
  expect(Object.fromEntries(seen)).toEqual({
    "PUT /a my-service content": 10,
    "PUT /b?c=d my-service content": 10,
  });
  expect(code).toBe(1);
  expect(output).toMatch(/^Total Requests: 20\nSuccessful: 10\nFailed: 10\n/);
  expect(output).toMatch(/\nStatus 201: 10\nStatus 404: 10\n$/);
  expect(errors).toContain(`failed: PUT ${url}/b?c=d: HTTP 404: not here\n`);
});

test("proxy: the URL's own path, and the statuses of a good run", async () => {
  const paths = new Set<string>();
  const { url } = await serve(noting(paths));
  const { code, output } = await load("proxy", "-u", `${url}/some/page?q=1`, "-n", "5", "-c", "2");
  expect(code).toBe(0);
  expect(output).toMatch(/\nStatus 200: 5\n$/);
  expect([...paths]).toEqual(["GET /some/page?q=1"]);
});

test("cpu: GET /load, 1000 times, in the words of the CPU load test", async () => {
  const paths = new Set<string>();
  const server = await serve(noting(paths));
  const { code, output } = await load("cpu", "-u", server.url);
  expect(withoutTimes(output)).toBe(
    `${["Successful requests: 1000", "Failed requests: 0", "Total requests: 1000", ...TIMES].join("\n")}\n`,
  );
  expect(code).toBe(0);
  expect([...paths]).toEqual(["GET /load"]);
  expect(server.connections()).toBeLessThanOrEqual(21);
});

test.each(["proxy", "cpu"])("%s: says first when nothing listens, and is not run", async (scenario) => {
  const [port] = await freePorts(1);
  const said = vi.spyOn(console, "error").mockReturnValue();
  onTestFinished(() => said.mockRestore());
  const { code, output } = await load(scenario, "-u", `127.0.0.1:${port}`);
  expect(code).toBe(2);
  expect(output).toBe("");
  expect(said.mock.lastCall?.[0]).toMatch(
    new RegExp(`^EK_TARGET_UNREACHABLE http://127\\.0\\.0\\.1:${port}/.*: nothing listens on 127\\.0\\.0\\.1:${port}`),
  );
});

test.each([
  ["--report", "x.html"],
  ["--expect", "100"],
  ["--paths", "//other/a"],
  ["--host", "a b"],
  ["--method", "CONNECT"],
  ["--rate", "0"],
])("proxy %s %s is refused with exit code 2", async (flag, value) => {
  const said = vi.spyOn(console, "error").mockReturnValue();
  onTestFinished(() => said.mockRestore());
  expect((await load("proxy", "-u", "127.0.0.1:1", flag, value)).code).toBe(2);
  expect(said.mock.lastCall?.[0]).toMatch(new RegExp(`^EK_SETTING_INVALID .*${flag}`));
});

test.each([
  ["proxy", "--duration", ["--duration", "30s"]],
  ["cpu", "--total", ["--rate", "50", "-n", "1000"]],
])("%s: %s of the other model is refused, also when it says what is usual", async (scenario, flag, given) => {
  const said = vi.spyOn(console, "error").mockReturnValue();
  onTestFinished(() => said.mockRestore());
  expect((await load(scenario, "-u", "127.0.0.1:1", ...given)).code).toBe(2);
  expect(said.mock.lastCall?.[0]).toMatch(new RegExp(`^EK_SETTING_INVALID ${flag}: `));
});

test("--help lists the scenarios with examples", async () => {
  const said = vi.spyOn(console, "log").mockReturnValue();
  onTestFinished(() => said.mockRestore());
  expect(await main(["--help"])).toBe(0);
  const text = said.mock.lastCall?.[0];
  for (const scenario of ["upload", "proxy", "cpu"]) {
    expect(text).toContain(`npm run load -- ${scenario} -u http://localhost`);
    expect(await main([scenario, "--help"])).toBe(0);
    expect(said.mock.lastCall?.[0]).toContain("--engine NAME");
  }
});

test("Ctrl-C, and again at once as npm does, ends it with the figures so far", async () => {
  const { url } = await serve((request, response) => {
    if (request.headers.host === "shop" && request.url === "/a") response.end("ok");
  });
  const lines = { stdout: [] as string[], stderr: [] as string[] };
  const program = new URL("../evenkeel.ts", import.meta.url).pathname;
  const args = ["load", "proxy", "-u", url, "--host", "shop", "--paths", "/a,/wait", "-n", "100", "-c", "2"];
  const child = await startChild(process.execPath, [program, ...args, ...BUILT_IN], {
    name: "load",
    onLine: (line, stream) => void lines[stream].push(line),
  });
  onTestFinished(() => child.stop(0));
  // The two users come to rest at /wait.
  await vi.waitFor(() => expect(lines.stderr.join("\n")).toMatch(/s: \d+ of 100 requests, .* 2 in flight/), {
    timeout: 25_000,
    interval: 50,
  });
  child.signal("SIGINT");
  child.signal("SIGINT");
  expect(await child.exited).toEqual({ code: 1, signal: null });
  await vi.waitFor(() => expect(lines.stdout.length).toBeGreaterThan(8), { timeout: 20_000 });
  expect(lines.stdout.join("\n")).toMatch(/^Total Requests: [12]\nSuccessful: [12]\nFailed: 0\n/);
  expect(lines.stderr).toContain("ended early: 2 requests were under way and are not counted");
}, 60_000);
