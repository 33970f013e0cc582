import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EvenkeelError } from "../../common/errors.ts";
import { loadSettings } from "../../common/settings.ts";
import { complaint, makeRunner, type Runner } from "../setup/runner.ts";
import { outputNote } from "./output-note.ts";
import { BUILD, type BuildSettings } from "./settings.ts";
import { manifests } from "./template/template.ts";

const REPOSITORY = join(import.meta.dirname, "..", "..");
const DOCKERFILE = join(REPOSITORY, "manifests", "images", "Dockerfile");
const PLATFORMS = "linux/amd64,linux/arm64";

/** `evenkeel posture build`. @throws EvenkeelError EK_BUILD_FAILED, EK_FILE_UNREADABLE, EK_STOPPED */
export async function main(args: string[]): Promise<number> {
  const loaded = loadSettings(BUILD, args);
  if (loaded.kind === "help") {
    process.stdout.write(loaded.text);
    return 0;
  }
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, onSignal);
  try {
    const run = makeRunner(process.env, stop.signal);
    await build(loaded.values, run, (line) => process.stdout.write(`${line}\n`));
    return 0;
  } finally {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, onSignal);
  }
}

/** Builds the images, unless they are to be skipped, and writes the manifests. @throws EvenkeelError EK_SETTING_INVALID, EK_BUILD_FAILED, EK_FILE_UNREADABLE */
export async function build(
  settings: BuildSettings,
  run: Runner,
  say: (line: string) => void,
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  // Settings that do not go together are told before minutes of building.
  const files = manifests(settings, env);
  if (settings.images !== "skip")
    for (const [app, image] of images(settings)) {
      say(`building ${image}`);
      const args = buildArguments(settings.images, app, image);
      const outcome = await run("docker", args, { onLine: say });
      if (outcome.code !== 0)
        throw new EvenkeelError("EK_BUILD_FAILED", complaint("docker", outcome), {
          where: DOCKERFILE,
          next: "read what Docker said; --images skip writes the manifests alone",
        });
    }
  try {
    await mkdir(settings.output, { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      const path = join(settings.output, name);
      await writeFile(path, text);
      say(`wrote ${path}`);
    }
  } catch (cause) {
    throw new EvenkeelError("EK_FILE_UNREADABLE", `the manifests cannot be written: ${(cause as Error).message}`, {
      where: settings.output,
      next: "name another folder with --output",
      cause,
    });
  }
  const note = outputNote(settings);
  if (note !== undefined) say(note);
  say(`next: kubectl apply -k ${settings.output}`);
}

/** Images by the value of `ARG APP`. */
function images({ analyzerRepo, scalerRepo, tag }: BuildSettings): readonly (readonly [string, string])[] {
  return [
    ["analyzer", `${analyzerRepo}/analyzer:${tag}`],
    ["scaler", `${scalerRepo}:${tag}`],
  ];
}

function buildArguments(way: "load" | "push", app: string, image: string): readonly string[] {
  const common = ["--file", DOCKERFILE, "--target", "app", "--build-arg", `APP=${app}`, "--tag", image];
  // Docker itself holds images of one platform only.
  return way === "push"
    ? ["buildx", "build", ...common, "--platform", PLATFORMS, "--push", REPOSITORY]
    : ["build", ...common, REPOSITORY];
}
