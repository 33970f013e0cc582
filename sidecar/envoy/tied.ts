import { delimiter } from "node:path";
import { firstOnPath } from "../../common/program/path.ts";
import { run } from "../../common/program/run.ts";

let setpriv: Promise<string | undefined> | undefined;

/**
 * The command that runs a program which the kernel ends when this process is gone, even when it is killed: prctl(2),
 * PR_SET_PDEATHSIG. Where util-linux's `setpriv` is missing (macOS, BusyBox) it is the program alone.
 */
export async function tiedToUs(program: string): Promise<[string, ...string[]]> {
  setpriv ??= findSetpriv();
  const found = await setpriv;
  return found === undefined ? [program] : [found, "--pdeathsig", "KILL", "--", program];
}

async function findSetpriv(): Promise<string | undefined> {
  const path = await firstOnPath("setpriv", (process.env.PATH ?? "").split(delimiter));
  if (path === undefined) return undefined;
  const { stdout } = await run(path, ["--help"], { timeoutMs: 10_000 }).catch(() => ({ stdout: "" }));
  return stdout.includes("--pdeathsig") ? path : undefined;
}
