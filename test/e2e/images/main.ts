import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildImage, removeImages } from "../../../cli/setup/image.ts";
import { makeRunner } from "../../../cli/setup/runner.ts";
import { EvenkeelError } from "../../../common/errors.ts";
import { addBases, type Bases, platforms } from "./bases.ts";
import { buildCommands, globalArgument } from "./commands.ts";
import { type Docker, startDocker } from "./docker.ts";
import { Registry } from "./registry.ts";
import {
  analyses,
  isForTheOther,
  loadsEveryCommand,
  proxies,
  runsItsProgram,
  runsScripts,
  showsHelp,
} from "./starts.ts";

const REPOSITORY = join(import.meta.dirname, "../../..");
const DOCKERFILE = join(REPOSITORY, "manifests", "images", "Dockerfile");
/** Stands for the cluster in the label of the image that `evenkeel setup` builds. */
const SETUP = "evenkeel-e2e";
/** What an image may add to Node's, in MB. */
const TOO_LARGE_MB = 400;

interface Place {
  readonly docker: Docker;
  /** For what is mounted and written. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  /** The size of Node's image. */
  readonly baseMb: number;
}

/**
 * Builds every image with a real Docker, by the lines of the Dockerfile's header, by `evenkeel posture build` and as
 * `evenkeel setup` does, and starts each one.
 * @returns the line that says what was seen
 */
export async function run(): Promise<string> {
  const began = Date.now();
  const say = (line: string) => console.error(`images ${seconds(began).padStart(4)} s  ${line}`);
  const folder = mkdtempSync(join(tmpdir(), "evenkeel-images-"));
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, onSignal);
  const registry = new Registry();
  try {
    const bases = basesOf(readFileSync(DOCKERFILE, "utf8"));
    await addBases(registry, bases, join(folder, "bases"), say);
    const docker = await startDocker(join(folder, "docker"), await registry.start(), say, stop.signal);
    try {
      await docker.docker(["pull", "--quiet", bases.node]);
      const baseMb = await megabytes(docker, bases.node);
      const seen = await check({ docker, folder, signal: stop.signal, say, baseMb });
      return `images: ${seen.join("; ")}; ${seconds(began)} s in all with Docker ${docker.version}`;
    } finally {
      await docker.stop();
    }
  } finally {
    registry.stop();
    for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, onSignal);
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function basesOf(dockerfile: string): Bases {
  return { node: globalArgument(dockerfile, "NODE_IMAGE"), envoy: globalArgument(dockerfile, "ENVOY_IMAGE") };
}

async function check(place: Place): Promise<string[]> {
  const { docker, folder, say } = place;
  const seen: string[] = [];
  const note = (line: string) => {
    say(`held: ${line}`);
    seen.push(line);
  };
  const starts: Record<string, (image: string) => Promise<unknown>> = {
    evenkeel: (image) => loadsEveryCommand(docker, image),
    worker: (image) => runsScripts(docker, image),
    proxy: (image) => proxies(docker, image, folder),
    app: async (image) => {
      await runsItsProgram(docker, image, "MQTT_PORT");
      await analyses(docker, image);
    },
  };
  for (const { words, tag, target } of buildCommands(readFileSync(DOCKERFILE, "utf8"))) {
    const began = Date.now();
    await must(place, words);
    const built = seconds(began);
    await showsHelp(docker, tag);
    await starts[target]?.(tag);
    note(`${target} +${await addedMb(place, tag)} MB in ${built} s`);
  }
  note(await postureBuild(place));
  note(await setupBuild(place));
  note(await otherPlatform(place));
  return seen;
}

/** `evenkeel posture build` as it is called in a terminal. */
async function postureBuild(place: Place): Promise<string> {
  const { docker, folder } = place;
  const began = Date.now();
  const settings = ["--analyzer-repo-base", "evenkeel/e2e", "--scaler-image-repo", "evenkeel/e2e/scaler", "--tag", "1"];
  const output = join(folder, "posture");
  await must(place, [process.execPath, "cli/evenkeel.ts", "posture", "build", "--output", output, ...settings]);
  await runsItsProgram(docker, "evenkeel/e2e/analyzer:1", "MQTT_PORT");
  await runsItsProgram(docker, "evenkeel/e2e/scaler:1", "CPU_THRESHOLD");
  return `posture build: analyzer, scaler in ${seconds(began)} s`;
}

/** The image of `evenkeel setup`, and that its removal finds it. */
async function setupBuild({ docker, signal, say }: Place): Promise<string> {
  const run = makeRunner(docker.env, signal);
  const image = await buildImage(run, "", SETUP, steps(say));
  if ((await buildImage(run, "", SETUP, steps(say))) !== image)
    throw new EvenkeelError("EK_BUILD_FAILED", "the same content got another name", { where: image });
  await showsHelp(docker, image, "cpu-load");
  await removeImages(run, SETUP, say);
  const left = await docker.docker(["image", "ls", "--quiet", image]);
  if (left.trim() !== "") throw new EvenkeelError("EK_CHILD_FAILED", "setup's removal left it", { where: image });
  return `setup: ${image} built and removed`;
}

/** The targets that need no emulation, for the other platform. */
async function otherPlatform(place: Place): Promise<string> {
  const [, other] = platforms();
  for (const target of ["evenkeel", "app"]) {
    const tag = `evenkeel/e2e-${target}:${other}`;
    const words = ["-f", DOCKERFILE, "--target", target, "--platform", `linux/${other}`, "-t", tag, "."];
    await must(place, ["docker", "build", ...words]);
    await isForTheOther(place.docker, tag);
  }
  return `evenkeel and app for ${other} too`;
}

/** What an image is larger than Node's. @throws EvenkeelError EK_BUILD_FAILED when that is too much */
async function addedMb({ docker, baseMb }: Place, image: string): Promise<number> {
  const more = (await megabytes(docker, image)) - baseMb;
  if (more <= TOO_LARGE_MB) return more;
  throw new EvenkeelError("EK_BUILD_FAILED", `it adds ${more} MB to Node's, more than ${TOO_LARGE_MB}`, {
    where: image,
  });
}

async function megabytes(docker: Docker, image: string): Promise<number> {
  return Math.round(Number(await docker.docker(["image", "inspect", "--format", "{{.Size}}", image])) / 1e6);
}

/** Runs a command line at the top of the repository. @throws EvenkeelError EK_BUILD_FAILED */
async function must({ docker, signal, say }: Place, words: readonly string[]): Promise<void> {
  const [program, ...args] = words as [string, ...string[]];
  const { code, stderr, stdout } = await makeRunner(docker.env, signal)(program, args, { onLine: steps(say) });
  if (code === 0) return;
  throw new EvenkeelError("EK_BUILD_FAILED", `it ended with ${code}: ${(stderr || stdout).slice(-1500)}`, {
    where: words.join(" "),
  });
}

/** Of what BuildKit tells, the beginning of each step. */
const steps = (say: (line: string) => void) => (line: string) => {
  if (/^#\d+ \[/.test(line)) say(line.slice(0, 120));
};

const seconds = (began: number): string => String(Math.round((Date.now() - began) / 1000));
