import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { EvenkeelError } from "../../../common/errors.ts";
import type { Progress } from "../cache.ts";
import { run } from "../run.ts";
import { type Recipe, wrapperGoMod } from "./recipes.ts";
import { seccompEnvironment } from "./seccomp.ts";

/** How often a long build says that it is still at it, in ms. */
const HEARTBEAT_MS = 15_000;

/**
 * Builds one program of a recipe from the Go module proxy and puts it in place in one step.
 * @param folder the rig's cache for this platform: `mod/` gets the throwaway module
 * @param file where the program goes
 * @throws EvenkeelError EK_PROGRAM_MISSING without Go, EK_CHECKSUM_MISMATCH, EK_CHILD_FAILED
 */
export async function buildProgram(
  recipe: Recipe,
  program: string,
  folder: string,
  file: string,
  onProgress: Progress,
): Promise<void> {
  await requireGo();
  const started = Date.now();
  onProgress(`building ${program} ${recipe.version} (once; a large one takes minutes)`);
  const heartbeat = setInterval(
    () => onProgress(`still building ${program}, ${Math.round((Date.now() - started) / 1000)} s`),
    HEARTBEAT_MS,
  );
  try {
    const directory = await prepareModule(recipe, folder);
    const made = join(dirname(file), `.${basename(file)}.${process.pid}`);
    mkdirSync(dirname(file), { recursive: true });
    const flags = ["-s -w", ...(recipe.ldflags === undefined ? [] : [recipe.ldflags])].join(" ");
    const tags = recipe.seccomp === true ? ["-tags", "seccomp"] : [];
    const environment = recipe.seccomp === true ? await seccompEnvironment(folder, onProgress) : {};
    await go(
      ["build", ...tags, `-ldflags=${flags}`, "-o", made, recipe.programs[program] as string],
      directory,
      environment,
    );
    renameSync(made, file);
  } finally {
    clearInterval(heartbeat);
  }
  onProgress(`built ${program} in ${Math.round((Date.now() - started) / 1000)} s`);
}

/** Where a recipe's module lies unpacked: its charts, CRDs and templates are read from there. */
export async function moduleDirectory(recipe: Recipe): Promise<string> {
  const answer = await go(["mod", "download", "-json", `${recipe.module}@${recipe.version}`], "/");
  const { Sum, Dir } = JSON.parse(answer) as { Sum: string; Dir: string };
  if (Sum !== recipe.sum)
    throw new EvenkeelError("EK_CHECKSUM_MISMATCH", `its hash is ${Sum}, not ${recipe.sum}`, {
      where: `${recipe.module}@${recipe.version}`,
    });
  return Dir;
}

/** Builds a program that consists of one Go file. */
export async function buildSingleFile(source: string, folder: string, file: string): Promise<void> {
  await requireGo();
  const directory = join(folder, "mod", basename(file));
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "go.mod"), `module evenkeel.rig\n\ngo 1.26.0\n`);
  writeFileSync(join(directory, "main.go"), source);
  const made = `${file}.${process.pid}`;
  mkdirSync(dirname(file), { recursive: true });
  await go(["build", "-ldflags=-s -w", "-o", made, "."], directory);
  renameSync(made, file);
}

async function prepareModule(recipe: Recipe, folder: string): Promise<string> {
  const source = await moduleDirectory(recipe);
  const directory = join(folder, "mod", recipe.module.replaceAll("/", "_"));
  const goMod = wrapperGoMod(recipe, readFileSync(join(source, "go.mod"), "utf8"));
  const stamp = join(directory, "recipe");
  // Go fills in go.mod and go.sum; what it filled in stays good as long as the recipe does.
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== goMod) {
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "go.mod"), goMod);
    if (existsSync(join(source, "go.sum"))) {
      copyFileSync(join(source, "go.sum"), join(directory, "go.sum"));
      // Files of the module cache are read-only.
      chmodSync(join(directory, "go.sum"), 0o644);
    }
    writeFileSync(stamp, goMod);
  }
  return directory;
}

async function go(args: readonly string[], cwd: string, environment: NodeJS.ProcessEnv = {}): Promise<string> {
  return run("go", args, {
    cwd,
    env: { ...process.env, GOFLAGS: "-mod=mod -buildvcs=false", CGO_ENABLED: "0", GOWORK: "off", ...environment },
  });
}

let goFound: Promise<unknown> | undefined;

async function requireGo(): Promise<void> {
  goFound ??= run("go", ["version"]);
  try {
    await goFound;
  } catch (cause) {
    throw new EvenkeelError("EK_PROGRAM_MISSING", "the rig's programs are built with Go, and `go` is not on PATH", {
      next: "install Go 1.26 or newer, or name a folder with the programs by EVENKEEL_RIG_BIN",
      cause,
    });
  }
}
