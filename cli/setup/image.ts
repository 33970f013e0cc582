import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { EvenkeelError } from "../../common/errors.ts";
import { temporaryFolder } from "../../common/temporary-folder.ts";
import { REPOSITORY } from "./objects.ts";
import type { Progress } from "./progress.ts";
import { complaint, NOT_INSTALLED, type Runner } from "./runner.ts";

/** Marks the images that a setup built; its value is the cluster's name. */
const LABEL = "evenkeel.setup";
/** The repository of those that were given no other name. */
const IMAGES = "evenkeel/evenkeel";
const LIST_MS = 30_000;
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
    const name = `${IMAGES}:${id.replace(/^sha256:/, "").slice(0, 12)}`;
    await must(run, ["tag", id, name]);
    return name;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Removes the images that setups for this cluster built. Without Docker there are none.
 * @param wanted the name that they were given instead of our own
 * @throws EvenkeelError EK_DOCKER_UNAVAILABLE, EK_CHILD_FAILED
 */
export async function removeImages(run: Runner, owner: string, onLine: Progress, wanted = ""): Promise<void> {
  const args = ["--filter", `label=${LABEL}=${owner}`, "--format", "{{.Repository}}:{{.Tag}}"];
  const listed = await run("docker", ["image", "ls", ...args], { timeoutMs: LIST_MS });
  if (listed.code === NOT_INSTALLED) return;
  if (listed.code !== 0) throw new EvenkeelError("EK_DOCKER_UNAVAILABLE", complaint("docker", listed));
  // The label alone does not tell: an image that somebody builds upon ours inherits it.
  const ours = [IMAGES, repositoryOf(wanted)];
  const names = listed.stdout.split("\n").filter((name) => name !== "" && ours.includes(repositoryOf(name)));
  if (names.length === 0) return;
  const removed = await run("docker", ["image", "rm", "--force", ...names]);
  if (removed.code !== 0)
    throw new EvenkeelError("EK_CHILD_FAILED", complaint("docker", removed), {
      where: names.join(", "),
      next: "see what still uses them, and run this again",
    });
  onLine(`removed ${names.length} built image(s)`);
}

/** An image's repository, as Docker lists it: without tag, digest and the registry that goes without saying. */
function repositoryOf(image: string): string {
  return image
    .replace(/@.*$/, "")
    .replace(/:[^/:]*$/, "")
    .replace(/^docker\.io\/(library\/)?/, "");
}

async function must(run: Runner, args: readonly string[], onLine?: Progress): Promise<void> {
  const outcome = await run("docker", args, onLine === undefined ? {} : { onLine });
  if (outcome.code !== 0)
    throw new EvenkeelError("EK_BUILD_FAILED", complaint("docker", outcome), { where: DOCKERFILE });
}
