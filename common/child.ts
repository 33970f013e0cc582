import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { EvenkeelError } from "./errors.ts";

/** How many of a child's last output lines are kept for error messages. */
const KEPT_LINES = 40;

export interface ChildOptions {
  /** Short name for messages. */
  readonly name: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Called with every line of standard output and error. */
  readonly onLine?: (line: string, stream: "stdout" | "stderr") => void;
}

/** A long-running program that we started, in a process group of its own, and that we end. */
export interface Child {
  readonly pid: number;
  readonly name: string;
  /** Settles when the program has ended, whoever ended it. Never rejects. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** The last lines that it printed, oldest first. */
  lastLines(): readonly string[];
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL to the whole group after `graceMs`. Settles when it has ended. */
  stop(graceMs?: number): Promise<void>;
}

/**
 * Starts a program. Its group is killed when this process exits by itself, so that a crash leaves nothing running.
 * @throws EvenkeelError EK_PROGRAM_MISSING when it cannot be started
 */
export async function startChild(command: string, args: readonly string[], options: ChildOptions): Promise<Child> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const kept: string[] = [];
  for (const stream of ["stdout", "stderr"] as const)
    createInterface({ input: child[stream] }).on("line", (line) => {
      kept.push(line);
      if (kept.length > KEPT_LINES) kept.shift();
      options.onLine?.(line, stream);
    });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (cause) =>
      reject(new EvenkeelError("EK_PROGRAM_MISSING", `${command} cannot be started: ${cause.message}`, { cause })),
    );
  });
  const pid = child.pid as number;
  const killGroup = () => signalGroup(child, "SIGKILL");
  killAtExit(killGroup);
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once("exit", (code, signal) => {
      // What the leader left behind in its group ends with it.
      killGroup();
      atExit.delete(killGroup);
      resolve({ code, signal });
    });
  });
  return {
    pid,
    name: options.name,
    exited,
    lastLines: () => kept,
    signal: (signal) => void child.kill(signal),
    async stop(graceMs = 5000) {
      if (child.exitCode !== null || child.signalCode !== null) return void (await exited);
      child.kill("SIGTERM");
      const timer = setTimeout(killGroup, graceMs);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** What is to be killed when this process exits; one listener for all, however many children there are. */
const atExit = new Set<() => void>();

function killAtExit(kill: () => void): void {
  if (!process.listeners("exit").includes(killAll)) process.on("exit", killAll);
  atExit.add(kill);
}

function killAll(): void {
  for (const kill of atExit) kill();
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group has no process left.
  }
}
