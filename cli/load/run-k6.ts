import { spawn } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { EvenkeelError } from "../../common/errors.ts";
import { temporaryFolder } from "../../common/temporary-folder.ts";
import type { Figures } from "../../k6/lib/summary.js";

/** k6's exit codes when there are figures, though not good ones: a threshold was missed; somebody ended the run. */
const WITH_FIGURES: readonly unknown[] = [99, 105];

export interface K6Run {
  readonly k6: string;
  /** Path of the script. */
  readonly script: string;
  /** What the script reads from `__ENV`. */
  readonly scriptEnv: Readonly<Record<string, string>>;
  /** Where k6's HTML report goes. */
  readonly report: string | undefined;
}

export interface K6Result {
  readonly figures: Figures;
  /** Every request succeeded, and every threshold was met. */
  readonly passed: boolean;
}

/**
 * Runs one script to its end. k6's progress shows on standard error.
 * @throws EvenkeelError EK_CHILD_FAILED when k6 could not carry it out
 */
export async function runK6(options: K6Run): Promise<K6Result> {
  const folder = await temporaryFolder("load");
  const summary = join(folder, "summary.json");
  try {
    const code = await spawnK6(options, summary);
    if (code !== 0 && !WITH_FIGURES.includes(code)) throw failed(`k6 ended with ${code}`, options.script);
    const figures = await readFigures(summary, options.script);
    return { figures, passed: code === 0 && figures.failed === 0 && figures.totalRequests > 0 };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** k6's arguments: nothing listens, nothing is sent anywhere but to the target. */
export function k6Args(options: K6Run, summary: string): string[] {
  const variables = Object.entries({ ...options.scriptEnv, SUMMARY: summary });
  return [
    "run",
    "--address",
    "",
    "--no-usage-report",
    // A RATE or TOTAL of the user's shell is not for the scripts.
    "--include-system-env-vars=false",
    ...variables.flatMap(([name, value]) => ["-e", `${name}=${value}`]),
    options.script,
  ];
}

/** The variables that make k6 write its report, without the web page that it would serve meanwhile. */
export function reportEnv(report: string | undefined): NodeJS.ProcessEnv {
  if (report === undefined) return {};
  return {
    K6_WEB_DASHBOARD: "true",
    K6_WEB_DASHBOARD_EXPORT: resolve(report),
    K6_WEB_DASHBOARD_PERIOD: "1s",
    K6_WEB_DASHBOARD_PORT: "-1",
  };
}

function spawnK6(options: K6Run, summary: string): Promise<number | NodeJS.Signals> {
  return new Promise((resolve, reject) => {
    // Standard output is for the figures alone: k6's own goes to standard error.
    const child = spawn(options.k6, k6Args(options, summary), {
      stdio: ["ignore", 2, 2],
      env: { ...process.env, ...reportEnv(options.report) },
    });
    // Ctrl-C reaches k6 too, which then ends the run; we stay to tell how it went.
    const stay = () => undefined;
    const pass = () => void child.kill("SIGTERM");
    const done = () => {
      process.off("SIGINT", stay);
      process.off("SIGTERM", pass);
    };
    process.on("SIGINT", stay);
    process.on("SIGTERM", pass);
    child.once("error", (cause) => {
      done();
      reject(failed(`k6 cannot be started: ${cause.message}`, options.script));
    });
    child.once("exit", (code, signal) => {
      done();
      resolve(code ?? signal ?? 1);
    });
  });
}

async function readFigures(summary: string, script: string): Promise<Figures> {
  try {
    return JSON.parse(await readFile(summary, "utf8")) as Figures;
  } catch (cause) {
    throw failed(`k6 wrote no figures: ${(cause as Error).message}`, script);
  }
}

function failed(what: string, script: string): EvenkeelError {
  return new EvenkeelError("EK_CHILD_FAILED", what, { where: script, next: "read what k6 said above" });
}
