import { type Child, startChild } from "../../../common/child.ts";
import { EvenkeelError } from "../../../common/errors.ts";

const POLL_MS = 50;

/** A program whose log can be waited for. */
export interface LoggingChild {
  readonly child: Child;
  /** Waits for a log line that comes after what was seen before, and holds the text. */
  logged(text: string, timeoutMs?: number): Promise<string>;
}

/** Starts a program and follows what it says. */
export async function startLogging(
  command: string,
  args: readonly string[],
  options: { readonly name: string; readonly cwd?: string },
): Promise<LoggingChild> {
  const lines: string[] = [];
  let seen = 0;
  let ended = false;
  const child = await startChild(command, args, { ...options, onLine: (line) => void lines.push(line) });
  child.exited.then(() => {
    ended = true;
  });
  return {
    child,
    async logged(text, timeoutMs = 60_000) {
      for (const deadline = performance.now() + timeoutMs; ; ) {
        const at = lines.findIndex((line, index) => index >= seen && line.includes(text));
        if (at !== -1) {
          seen = at + 1;
          return lines[at] as string;
        }
        if (ended || performance.now() > deadline)
          throw new EvenkeelError("EK_TIMEOUT", `${child.name} did not log ${JSON.stringify(text)}`, {
            where: lines.slice(-10).join(" | "),
          });
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    },
  };
}
