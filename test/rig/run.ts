import { spawn } from "node:child_process";
import { EvenkeelError } from "../../common/errors.ts";

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly stdin?: string;
  /** Called with what it says on standard error as it comes. */
  readonly onStderr?: (text: string) => void;
}

/**
 * Runs a program to its end.
 * @returns its standard output
 * @throws EvenkeelError EK_PROGRAM_MISSING, or EK_CHILD_FAILED with the end of its standard error
 */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const child = spawn(command, args, { cwd: options.cwd, env: options.env ?? process.env, stdio: "pipe" });
  const output: Buffer[] = [];
  let complaint = "";
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-4000);
    options.onStderr?.(text);
  });
  // A program that ends before it has read everything is judged by its exit code.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.stdin ?? "");
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", (cause) =>
      reject(new EvenkeelError("EK_PROGRAM_MISSING", `${command} cannot be started: ${cause.message}`, { cause })),
    );
    child.once("close", resolve);
  });
  if (code !== 0) {
    const said = complaint.trim() === "" ? "it said nothing" : complaint.trim();
    throw new EvenkeelError("EK_CHILD_FAILED", `it ended with ${code ?? "a signal"}: ${said}`, {
      where: [command, ...args].join(" ").slice(0, 200),
    });
  }
  return Buffer.concat(output).toString("utf8");
}
