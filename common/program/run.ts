import { execFile } from "node:child_process";

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** The program is ended after this time, in milliseconds. */
  readonly timeoutMs: number;
}

/** How much of a failed program's output its error repeats, in characters. */
const REPEATED = 1500;

/**
 * Runs a program to its end. Unlike a {@link startChild} it stays in our process group, so that Ctrl-C reaches it too.
 * @returns what it printed
 * @throws Error with the end of what it printed, when it cannot start, fails, or is not done in time
 */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<{ stdout: string; stderr: string }> {
  return await new Promise((resolve, reject) => {
    execFile(
      command,
      args,
      { cwd: options.cwd, env: options.env ?? process.env, timeout: options.timeoutMs, maxBuffer: 64 * 2 ** 20 },
      (error, stdout, stderr) => {
        if (error === null) return resolve({ stdout, stderr });
        reject(
          new Error(`${[command, args[0] ?? ""].join(" ").trim()} ${why(error, options)}${end(stderr || stdout)}`),
        );
      },
    );
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
