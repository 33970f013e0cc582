import { spawn } from "node:child_process";
import { basename } from "node:path";
import { EvenkeelError } from "../../common/errors.ts";

/** How a program ended, and what it said. */
export interface Outcome {
  /** Its exit code; 127 when it is not installed, as shells say it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string;
  /** Ended after this time, in milliseconds; the code is then 124. Without it: when it ends. */
  readonly timeoutMs?: number;
  /** Told each line as it comes, of both streams: for programs that take minutes. */
  readonly onLine?: (line: string) => void;
  /** Also after a stop: for what takes away the half of something. */
  readonly evenStopped?: boolean;
}

/** Runs the programs that a setup needs, found on PATH. A failure is an outcome like another. */
export type Runner = (program: string, args: readonly string[], options?: RunOptions) => Promise<Outcome>;

/** Codes that a program does not give itself: timeout(1) and shells use them so. */
const TIMED_OUT = 124;
export const NOT_INSTALLED = 127;

/** Docker before 23 (Debian 12 has 20.10) has to be told to build with BuildKit, which our Dockerfile needs. */
const DOCKER = { DOCKER_BUILDKIT: "1" };

/**
 * @param env what the programs see; its PATH is where they are found, and Docker builds with BuildKit unless it says otherwise
 * @param signal ends the program that runs, and lets none start any more
 */
export function makeRunner(env: NodeJS.ProcessEnv, signal: AbortSignal): Runner {
  return async (program, args, options = {}) => {
    const stop = options.evenStopped === true ? new AbortController().signal : signal;
    throwIfStopped(stop);
    const child = spawn(program, args, { env: { ...DOCKER, ...env }, stdio: "pipe" });
    const end = () => void child.kill("SIGTERM");
    stop.addEventListener("abort", end, { once: true });
    let timedOut = false;
    const timer =
      options.timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            child.kill("SIGKILL");
          }, options.timeoutMs);
    const said = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      const tell = lines(options.onLine);
      child[stream].setEncoding("utf8").on("data", (text: string) => {
        said[stream] += text;
        tell(text);
      });
    }
    // A program that ends before it has read everything is judged by its exit code.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.stdin ?? "");
    const code = await new Promise<number>((resolve, reject) => {
      child.once("error", (error: NodeJS.ErrnoException) =>
        error.code === "ENOENT" || error.code === "EACCES" ? resolve(NOT_INSTALLED) : reject(error),
      );
      child.once("close", (exit) => resolve(timedOut ? TIMED_OUT : (exit ?? 1)));
    }).finally(() => {
      clearTimeout(timer);
      stop.removeEventListener("abort", end);
    });
    throwIfStopped(stop);
    return { code, ...said };
  };
}

/** @throws EvenkeelError EK_STOPPED */
export function throwIfStopped(signal: AbortSignal): void {
  if (signal.aborted)
    throw new EvenkeelError("EK_STOPPED", "it was stopped before it was done", {
      next: "run it again: it goes on from where it is, or take away what is there with `evenkeel setup --delete`",
    });
}

/** What a failed program said, in one line for an error: the end of its standard error, or else of its standard output. */
export function complaint(program: string, outcome: Outcome): string {
  if (outcome.code === NOT_INSTALLED) return `${basename(program)} is not installed`;
  if (outcome.code === TIMED_OUT) return `${basename(program)} did not answer in time`;
  const text = (outcome.stderr.trim() || outcome.stdout.trim()).slice(-1500).replace(/\s*[\r\n]+\s*/g, " | ");
  return `${basename(program)} ended with ${outcome.code}${text === "" ? "" : `: ${text}`}`;
}

/** Calls `onLine` with whole lines of what comes in pieces. */
function lines(onLine: ((line: string) => void) | undefined): (text: string) => void {
  let rest = "";
  return (text) => {
    const parts = (rest + text).split(/\r?\n|\r/);
    rest = parts.pop() ?? "";
    for (const line of parts) if (line.trim() !== "") onLine?.(line);
  };
}
