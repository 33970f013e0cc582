import { execFile } from "node:child_process";

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** The program is ended after this time, in milliseconds. */
  readonly timeoutMs: number;
  /** Ends the program as Ctrl-C would, so that it can clean up; one that does not go is killed. */
  readonly signal?: AbortSignal | undefined;
}

/** How long a program may take to clean up, in milliseconds. */
const CLEAN_UP_MS = 3000;

/** How much of a failed program's output its error repeats, in characters. */
const REPEATED = 1500;

/**
 * Runs a program to its end. Unlike a {@link startChild} it stays in our process group, so that Ctrl-C reaches it too.
 * @returns what it printed
 * @throws Error with the end of what it printed, when it cannot start, fails, or is not done in time; the signal's reason,
 *   once the program has ended
 */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<{ stdout: string; stderr: string }> {
  const { signal } = options;
  signal?.throwIfAborted();
  return await new Promise((resolve, reject) => {
    let killing: NodeJS.Timeout | undefined;
    const onAbort = () => {
      child.kill("SIGINT");
      killing = setTimeout(() => child.kill("SIGKILL"), CLEAN_UP_MS);
    };
    const child = execFile(
      command,
      args,
      { cwd: options.cwd, env: options.env ?? process.env, timeout: options.timeoutMs, maxBuffer: 64 * 2 ** 20 },
      (error, stdout, stderr) => {
        clearTimeout(killing);
        signal?.removeEventListener("abort", onAbort);
        if (signal?.aborted === true) return reject(signal.reason);
        if (error === null) return resolve({ stdout, stderr });
        reject(
          new Error(`${[command, args[0] ?? ""].join(" ").trim()} ${why(error, options)}${end(stderr || stdout)}`),
        );
      },
    );
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

function why(error: Error & { code?: unknown; killed?: boolean }, options: RunOptions): string {
  if (error.killed === true) return `was not done after ${options.timeoutMs / 1000} s`;
  if (error.code === "ENOENT") return "is not installed";
  return typeof error.code === "number" ? `ended with ${error.code}` : `failed: ${error.message.split("\n", 1)[0]}`;
}

function end(output: string): string {
  const text = output.trim();
  if (text === "") return "";
  return `: ${text.length > REPEATED ? `…${text.slice(-REPEATED)}` : text}`;
}
