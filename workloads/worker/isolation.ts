import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { EvenkeelError } from "../../common/errors.ts";
import type { JobDirectories } from "./job-directories.ts";
import { type Runtime, runScript, SCRIPT_NAME, type ScriptLimits } from "./run-script.ts";

export type IsolationName = "namespaces" | "process-group";

/** An isolation that was tried and works here. */
export interface Isolation extends Runtime {
  readonly name: IsolationName;
  /** What was tried before it and why that did not work, for the log. */
  readonly passedOver: readonly string[];
}

/** How scripts are to be kept apart. */
export interface IsolationWish {
  readonly kind: "auto" | IsolationName;
  readonly noNetwork: boolean;
}

interface Candidate {
  readonly name: IsolationName;
  readonly prefix: readonly string[];
}

/** The isolations to try for a wish, best first. */
export function candidates({ kind, noNetwork }: IsolationWish): readonly Candidate[] {
  // A launcher that is process 1 takes every process of its namespace along when it ends, and a fresh /proc hides all
  // other processes, the worker's environment among them. --ipc: shared memory segments end with the script, too.
  const namespaces = ["--pid", "--fork", "--kill-child", "--mount-proc", "--ipc", ...(noNetwork ? ["--net"] : [])];
  const all: readonly Candidate[] = [
    { name: "namespaces", prefix: ["unshare", ...namespaces] },
    // Who is not root may be allowed to have namespaces inside one of users.
    { name: "namespaces", prefix: ["unshare", "--user", "--map-current-user", ...namespaces] },
    ...(noNetwork ? [] : [{ name: "process-group" as const, prefix: [] }]),
  ];
  return all.filter(({ name }) => kind === "auto" || kind === name);
}

/**
 * Finds the isolation to use by running a script in each until one works.
 * @param python an absolute path, see {@link findPython}
 * @throws EvenkeelError EK_ISOLATION_UNAVAILABLE when none does
 */
export async function findIsolation(
  wish: IsolationWish,
  python: string,
  jobs: JobDirectories,
  limits: ScriptLimits,
): Promise<Isolation> {
  const passedOver: string[] = [];
  for (const { name, prefix } of candidates(wish)) {
    const fault = await tryOut({ python, prefix }, jobs, limits);
    if (fault === undefined) return { name, python, prefix, passedOver };
    passedOver.push(`${[name, ...prefix].join(" ")}: ${fault}`);
  }
  throw new EvenkeelError("EK_ISOLATION_UNAVAILABLE", `no script can be run here: ${passedOver.join("; ")}`, {
    where: `--isolation ${wish.kind}${wish.noNetwork ? " --no-network" : ""}`,
  });
}

/** Runs a small script; what went wrong, or undefined. */
async function tryOut(runtime: Runtime, jobs: JobDirectories, limits: ScriptLimits): Promise<string | undefined> {
  const directory = await jobs.create();
  try {
    await writeFile(join(directory, SCRIPT_NAME), "print('works')\n");
    const result = await runScript(directory, runtime, { ...limits, timeMs: 20_000 }, new AbortController().signal);
    if (result.kind === "failed") return result.reason;
    if (result.kind !== "ended") return `a first script did not end in 20 s`;
    if (result.returncode === 0 && result.stdout === "works\n") return undefined;
    return `a first script ended with ${result.returncode}: ${result.stderr.trim().split("\n").at(-1)}`;
  } finally {
    await jobs.remove(directory);
  }
}

/**
 * The absolute path of the Python behind a name, so that no shim has to be gone through for each script.
 * @throws EvenkeelError EK_PROGRAM_MISSING
 */
export async function findPython(name: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(name, ["-I", "-c", "import sys; print(sys.executable)"], {
      timeout: 60_000,
    });
    const path = stdout.trim();
    if (!path.startsWith("/")) throw new Error(`says that it is ${JSON.stringify(path)}`);
    return path;
  } catch (cause) {
    throw new EvenkeelError("EK_PROGRAM_MISSING", `${name} is no Python 3: ${(cause as Error).message.trim()}`, {
      where: "--python",
      next: "install Python 3, or name it by --python (EVENKEEL_WORKER_PYTHON)",
      cause,
    });
  }
}
