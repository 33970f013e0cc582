import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Duplex, Readable } from "node:stream";
import { BoundedOutput } from "./bounded-output.ts";
import { killOne, killTree } from "./process-table.ts";

/** What a script may use. */
export interface ScriptLimits {
  /** Milliseconds that it may run; undefined: for ever. */
  readonly timeMs: number | undefined;
  /** CPU seconds of each process. */
  readonly cpuSeconds: number;
  /** Address space of each process, in bytes. */
  readonly memoryBytes: number;
  /** Processes and threads of the user, see RLIMIT_NPROC in getrlimit(2). */
  readonly processes: number;
  /** Largest file that it may write, in bytes. */
  readonly fileBytes: number;
  /** How much of stdout, and of stderr, is kept, in bytes. */
  readonly outputBytes: number;
}

/** How scripts are started. */
export interface Runtime {
  /** The Python itself, an absolute path. */
  readonly python: string;
  /** What the launcher's command line is put behind, e.g. `unshare --pid …`. */
  readonly prefix: readonly string[];
}

/** How a script came to its end. */
export type RunResult =
  | {
      readonly kind: "ended";
      /** The exit status, or minus the number of the signal that ended it. */
      readonly returncode: number;
      readonly stdout: string;
      readonly stderr: string;
      /** Whether stdout or stderr was longer than its limit. */
      readonly truncated: boolean;
    }
  | { readonly kind: "timeout" }
  | { readonly kind: "cancelled" }
  | { readonly kind: "failed"; readonly reason: string };

/** The name that an upload gets in its job's directory, whatever the client calls it. */
export const SCRIPT_NAME = "script.py";

const LAUNCHER = join(import.meta.dirname, "launcher.py");
/** The launcher gives the script's processes 5 s to go; after that it is at fault itself. */
const LAUNCHER_GRACE_MS = 7000;
/** How long output may stay open after the launcher has ended: then something that got away holds it. */
const OUTPUT_GRACE_MS = 2000;

/**
 * Runs `script.py` in `directory`, with the directory as its home and nothing of the worker's environment but PATH.
 * When this settles, the script's whole process tree has been killed. Never rejects.
 * @param cancel ends it early
 */
export async function runScript(
  directory: string,
  runtime: Runtime,
  limits: ScriptLimits,
  cancel: AbortSignal,
): Promise<RunResult> {
  if (cancel.aborted) return { kind: "cancelled" };
  const [program = "", ...args] = commandLine(runtime, limits);
  const child = spawn(program, args, {
    cwd: directory,
    env: { PATH: process.env.PATH, LANG: "C.UTF-8", HOME: directory, TMPDIR: directory },
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    detached: true,
  });
  const started = new Promise<string | undefined>((resolve) => {
    child.once("spawn", () => resolve(undefined));
    child.on("error", (error) => resolve(error.message));
  });
  // Without a process there may be no streams either.
  if (child.pid === undefined) return { kind: "failed", reason: (await started) ?? "it did not start" };
  const launcher = child.pid;
  const stdout = child.stdout as Readable;
  const stderr = child.stderr as Readable;
  const control = child.stdio[3] as Duplex;

  const output = { stdout: new BoundedOutput(limits.outputBytes), stderr: new BoundedOutput(limits.outputBytes) };
  stdout.on("data", (chunk: Buffer) => output.stdout.add(chunk));
  stderr.on("data", (chunk: Buffer) => output.stderr.add(chunk));
  const said = new BoundedOutput(4096);
  control.on("data", (chunk: Buffer) => said.add(chunk));
  // A pipe that breaks says no more than its end does.
  for (const stream of [stdout, stderr, control]) stream.on("error", () => {});

  let stopped: "timeout" | "cancelled" | undefined;
  const timers: NodeJS.Timeout[] = [];
  const stop = (why: "timeout" | "cancelled"): void => {
    if (stopped !== undefined) return;
    stopped = why;
    // The launcher kills everything when this side closes.
    control.end();
    timers.push(setTimeout(killTree, LAUNCHER_GRACE_MS, launcher));
  };
  const onCancel = (): void => stop("cancelled");
  cancel.addEventListener("abort", onCancel, { once: true });
  if (limits.timeMs !== undefined) timers.push(setTimeout(stop, limits.timeMs, "timeout"));

  await new Promise<void>((resolve) => {
    child.once("exit", () => {
      timers.push(
        setTimeout(() => {
          for (const stream of [stdout, stderr, control]) stream.destroy();
        }, OUTPUT_GRACE_MS),
      );
    });
    child.once("close", () => resolve());
  });
  cancel.removeEventListener("abort", onCancel);
  for (const timer of timers) clearTimeout(timer);

  const report = readReport(said.text());
  // A launcher that was killed could not clean up; outside a PID namespace its number for the script is ours too.
  if (report.returncode === undefined && runtime.prefix.length === 0 && report.pid !== undefined) killOne(-report.pid);
  if (report.returncode !== undefined)
    return {
      kind: "ended",
      returncode: report.returncode,
      stdout: output.stdout.text(),
      stderr: output.stderr.text(),
      truncated: output.stdout.truncated || output.stderr.truncated,
    };
  if (stopped !== undefined) return { kind: stopped };
  return { kind: "failed", reason: report.fault ?? launcherEnd(child, output.stderr.text()) };
}

function commandLine({ python, prefix }: Runtime, limits: ScriptLimits): string[] {
  const numbers = [limits.memoryBytes, limits.cpuSeconds, limits.processes, limits.fileBytes].map(String);
  // Isolated and without site-packages the launcher starts in half the time; the script gets the whole Python.
  return [...prefix, python, "-I", "-S", "-B", LAUNCHER, ...numbers, python, "-B", SCRIPT_NAME];
}

interface Report {
  readonly pid: number | undefined;
  readonly returncode: number | undefined;
  readonly fault: string | undefined;
}

/** Reads the launcher's lines. */
function readReport(text: string): Report {
  const value = (word: string): string | undefined => new RegExp(`^${word} (.*)$`, "m").exec(text)?.[1];
  const number = (word: string): number | undefined => {
    const found = value(word);
    return found === undefined ? undefined : Number(found);
  };
  return { pid: number("started"), returncode: number("ended"), fault: value("failed") };
}

function launcherEnd(
  child: { readonly exitCode: number | null; readonly signalCode: NodeJS.Signals | null },
  stderr: string,
): string {
  const how = child.signalCode === null ? `status ${child.exitCode}` : `signal ${child.signalCode}`;
  const last = stderr.trim().split("\n").at(-1);
  return `its launcher ended with ${how}${last === undefined || last === "" ? "" : `: ${last}`}`;
}
