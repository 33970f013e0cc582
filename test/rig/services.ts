import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EvenkeelError } from "../../common/errors.ts";
import { paths } from "./place.ts";
import { groupIsAlive, identify, isAlive, type ProcessId } from "./process-table.ts";
import type { RigState, SandboxState, ServiceSpec, ServiceState } from "./state.ts";

/** Starts a part that outlives this process, in the rig's namespaces when it has some; its output goes to a log file. */
export async function startService(folder: string, state: RigState, spec: ServiceSpec): Promise<ServiceState> {
  const { logs } = paths(folder);
  mkdirSync(logs, { recursive: true });
  const log = openSync(logFile(folder, spec.name), "a");
  const [command, ...args] = [...entering(state.sandbox), spec.program, ...spec.args] as [string, ...string[]];
  const child = spawn(command, args, {
    cwd: folder,
    env: serviceEnvironment(state, spec),
    stdio: ["ignore", log, log],
    detached: true,
  });
  closeSync(log);
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (cause) =>
      reject(new EvenkeelError("EK_PROGRAM_MISSING", `${command} cannot be started: ${cause.message}`, { cause })),
    );
  });
  child.unref();
  const pid = child.pid as number;
  return { ...spec, leader: identify(pid) ?? { pid, started: "ended at once" } };
}

/** The command that enters a rig's namespaces. */
export function entering(sandbox: SandboxState | undefined): string[] {
  if (sandbox === undefined) return [];
  return ["nsenter", "--target", String(sandbox.init.pid), "--net", "--mount", "--pid", "--"];
}

/** Ends a part and waits until its whole group is gone: politely first, by force after `graceMs`. Twice is fine. */
export async function stopService(leader: ProcessId, graceMs = 5000): Promise<void> {
  if (!isAlive(leader)) return;
  const deadline = Date.now() + graceMs;
  // Once: Kubernetes' programs take a second one as leave to drop everything.
  if (graceMs > 0) signalGroup(leader.pid, "SIGTERM");
  for (; groupIsAlive(leader.pid); await sleep(50)) if (Date.now() >= deadline) signalGroup(leader.pid, "SIGKILL");
}

/** Ends a part at once, as a crash would. */
export async function killService(leader: ProcessId): Promise<void> {
  await stopService(leader, 0);
}

export const logFile = (folder: string, name: string): string => join(paths(folder).logs, `${name}.log`);

/** The last lines of a part's log. */
export function lastLines(folder: string, name: string, count = 5): string {
  try {
    return readFileSync(logFile(folder, name), "utf8").trimEnd().split("\n").slice(-count).join("\n");
  } catch {
    return "";
  }
}

function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch {
    // It has no process left.
  }
}

function serviceEnvironment(state: RigState, spec: ServiceSpec): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR } = process.env;
  return {
    PATH: [...state.path, PATH ?? "", "/usr/sbin", "/sbin"].join(":"),
    ...(HOME === undefined ? {} : { HOME }),
    ...(TMPDIR === undefined ? {} : { TMPDIR }),
    KUBECONFIG: state.kubeconfig,
    ...spec.env,
  };
}
