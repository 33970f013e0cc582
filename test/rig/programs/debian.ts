import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { EvenkeelError } from "../../../common/errors.ts";
import type { Progress } from "../cache.ts";
import { run } from "../run.ts";

/**
 * Unpacks Debian packages into a folder of the cache, for what a machine lacks: nothing is installed.
 * @param name the folder's name; one that is there is taken as it is
 * @returns the folder, a tree like `/`
 * @throws EvenkeelError EK_PROGRAM_MISSING when this is no Debian-like system or its mirror does not answer
 */
export async function unpackPackages(
  name: string,
  packages: readonly string[],
  folder: string,
  onProgress: Progress,
): Promise<string> {
  const root = join(folder, "debian", name);
  if (existsSync(root)) return root;
  onProgress(`unpacking the Debian packages ${packages.join(", ")} into the cache`);
  const downloads = `${root}.deb`;
  const half = `${root}.half`;
  for (const path of [downloads, half]) {
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path, { recursive: true });
  }
  try {
    await download(packages, downloads);
    for (const file of readdirSync(downloads)) await run("dpkg", ["-x", join(downloads, file), half]);
  } catch (cause) {
    throw new EvenkeelError("EK_PROGRAM_MISSING", `${packages.join(", ")} could not be unpacked`, {
      next: `install ${packages.join(" ")} (or your system's packages of the same kind)`,
      cause,
    });
  }
  rmSync(downloads, { recursive: true, force: true });
  renameSync(half, root);
  return root;
}

async function download(packages: readonly string[], into: string): Promise<void> {
  try {
    await run("apt-get", ["download", ...packages], { cwd: into });
  } catch {
    // The lists are missing or name versions that the mirror no longer has.
    await run("apt-get", ["update"]);
    await run("apt-get", ["download", ...packages], { cwd: into });
  }
}
