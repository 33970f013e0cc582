import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { freePorts } from "../../common/ports.ts";
import type { Figures } from "../../k6/lib/summary.js";
import { captured, serve } from "./test-support.ts";
import { main } from "./upload.ts";

const FIGURES: Figures = {
  totalRequests: 30,
  successful: 30,
  failed: 0,
  notSent: 0,
  totalTimeSeconds: 1,
  throughputPerSecond: 30,
  latencyMs: { p50: 1, p95: 2, p99: 3 },
  statuses: { 200: 30 },
};

/** A stand-in for k6: tells a version, notes how it was called, writes the figures that it was given, ends as told. */
function standIn(folder: string, figures: Figures | undefined, code: number): string {
  return `#!${process.execPath}
const { writeFileSync } = require("node:fs");
const args = process.argv.slice(2);
if (args[0] === "version") { console.log("k6 v1.8.1"); process.exit(0); }
const env = Object.fromEntries(args.flatMap((arg, at) => {
  const cut = arg.indexOf("=");
  return args[at - 1] === "-e" ? [[arg.slice(0, cut), arg.slice(cut + 1)]] : [];
}));
const dashboard = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith("K6_WEB")));
writeFileSync(${JSON.stringify(join(folder, "call.json"))}, JSON.stringify({ args, env, dashboard }));
const figures = ${JSON.stringify(figures ?? null)};
if (figures !== null) writeFileSync(env.SUMMARY, JSON.stringify(figures));
process.exit(${code});
`;
}

interface Call {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly dashboard: Readonly<Record<string, string>>;
}

async function load(options: { args?: string[]; figures?: Figures | undefined; code?: number }) {
  const folder = await mkdtemp(join(tmpdir(), "evenkeel-test-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "script.py");
  await writeFile(file, "print(1)\n");
  const k6 = join(folder, "k6");
  const figures = "figures" in options ? options.figures : FIGURES;
  await writeFile(k6, standIn(folder, figures, options.code ?? 0), { mode: 0o755 });
  vi.stubEnv("EVENKEEL_K6", k6);
  onTestFinished(() => void vi.unstubAllEnvs());
  const { url } = await serve((_, response) => void response.end());
  const { code, output } = await captured(() => main(["-u", url, "-f", file, ...(options.args ?? [])]));
  const call = JSON.parse(await readFile(join(folder, "call.json"), "utf8")) as Call;
  return { code, output, call, url, file, folder };
}

test("hands the closed model to k6 and prints its figures", async () => {
  const { code, output, call, url, file } = await load({ args: ["-n", "30", "-c", "3", "--timeout", "5s"] });
  expect(code).toBe(0);
  expect(output).toContain("Total Requests: 30\nSuccessful: 30\nFailed: 0\n");
  const { SUMMARY, ...env } = call.env;
  expect(env).toEqual({ URL: `${url}/reencrypt`, FILE: file, TOTAL: "30", CONCURRENT: "3", TIMEOUT: "5000ms" });
  expect(SUMMARY).toMatch(/summary\.json$/);
  expect(call.args.slice(0, 5)).toEqual([
    "run",
    "--address",
    "",
    "--no-usage-report",
    "--include-system-env-vars=false",
  ]);
  expect(call.args.at(-1)).toMatch(/k6\/upload\.js$/);
  expect(call.dashboard).toEqual({});
});

test("hands the open model to k6", async () => {
  const { call } = await load({ args: ["--rate", "50", "--duration", "2s", "-c", "4"] });
  expect(call.env).toMatchObject({ RATE: "50", DURATION: "2000ms", CONCURRENT: "4", TIMEOUT: "220000ms" });
  expect(call.env).not.toHaveProperty("TOTAL");
});

test("asks for k6's report, without a page that listens", async () => {
  const report = join(tmpdir(), "evenkeel-report-that-is-not-written.html");
  const { call } = await load({ args: ["--report", report] });
  expect(call.dashboard).toEqual({
    K6_WEB_DASHBOARD: "true",
    K6_WEB_DASHBOARD_EXPORT: report,
    K6_WEB_DASHBOARD_PERIOD: "1s",
    K6_WEB_DASHBOARD_PORT: "-1",
  });
});

test("prints one JSON object when asked to", async () => {
  const { output } = await load({ args: ["--json"] });
  expect(JSON.parse(output)).toEqual(FIGURES);
});

test("missed thresholds, an ended run and failures are exit code 1, with the figures", async () => {
  const figures = { ...FIGURES, successful: 29, failed: 1 };
  for (const code of [99, 105, 0]) {
    const result = await load({ figures, code });
    expect(result.code).toBe(1);
    expect(result.output).toContain("Failed: 1\n");
  }
  expect((await load({ figures: { ...FIGURES, totalRequests: 0, successful: 0 } })).code).toBe(1);
});

test("an error of k6 itself is told as such", async () => {
  await expect(load({ code: 107, figures: undefined })).rejects.toMatchObject({
    code: "EK_CHILD_FAILED",
    message: "k6 ended with 107",
  });
  await expect(load({ code: 0, figures: undefined })).rejects.toThrow("k6 wrote no figures");
});

test("names what is wrong before a load is sent", async () => {
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  await expect(main(["-u", "ftp://host", "-f", "x"])).rejects.toMatchObject({ code: "EK_SETTING_INVALID" });
  await expect(main(["-u", url, "-f", "/none.py"])).rejects.toMatchObject({ code: "EK_FILE_UNREADABLE" });
  const file = new URL(import.meta.url).pathname;
  await expect(main(["-u", url, "-f", file])).rejects.toMatchObject({ code: "EK_TARGET_UNREACHABLE" });
});
