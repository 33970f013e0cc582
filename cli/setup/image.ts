import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { EvenkeelError } from "../../common/errors.ts";
import { temporaryFolder } from "../../common/temporary-folder.ts";
import { REPOSITORY } from "./objects.ts";
import type { Progress } from "./progress.ts";
import { complaint, type Runner } from "./runner.ts";

/** Marks the images that a setup built; its value is the cluster's name. */
const LABEL = "evenkeel.setup";
const DOCKERFILE = join(REPOSITORY, "manifests", "images", "Dockerfile");

/**
 * Builds the image.
 * @param wanted its name; empty: `evenkeel/evenkeel` with a tag that tells its content, so that a changed image is rolled
 * out and an unchanged one is not
 * @returns its name
 * @throws EvenkeelError EK_BUILD_FAILED
 */
export async function buildImage(run: Runner, wanted: string, owner: string, onLine: Progress): Promise<string> {
  const folder = await temporaryFolder("setup");
  try {
    const idFile = join(folder, "id");
    const args = ["build", "--file", DOCKERFILE, "--target", "evenkeel", "--label", `${LABEL}=${owner}`];
    const tag = wanted === "" ? [] : ["--tag", wanted];
    await must(run, [...args, ...tag, "--iidfile", idFile, REPOSITORY], onLine);
    if (wanted !== "") return wanted;
    const id = (await readFile(idFile, "utf8")).trim();
    const name = `evenkeel/evenkeel:${id.replace(/^sha256:/, "").slice(0, 12)}`;
    await must(run, ["tag", id, name]);
    return name;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Removes the images that setups for this cluster built. Without Docker there are none. */
export async function removeImages(run: Runner, owner: string, onLine: Progress): Promise<void> {
  const filter = ["--filter", `label=${LABEL}=${owner}`];
  const listed = await run("docker", ["image", "ls", "--quiet", "--no-trunc", ...filter], { timeoutMs: 30_000 });
  const ids = [...new Set(listed.stdout.split("\n").filter((line) => line !== ""))];
  if (listed.code !== 0 || ids.length === 0) return;
  const removed = await run("docker", ["image", "rm", "--force", ...ids]);
  onLine(removed.code === 0 ? `removed ${ids.length} built image(s)` : complaint("docker", removed));
}

async function must(run: Runner, args: readonly string[], onLine?: Progress): Promise<void> {
  const outcome = await run("docker", args, onLine === undefined ? {} : { onLine });
  if (outcome.code !== 0)
    throw new EvenkeelError("EK_BUILD_FAILED", complaint("docker", outcome), { where: DOCKERFILE });
}
