import { cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { EvenkeelError } from "../../../common/errors.ts";
import { buildGoProgram } from "../../../common/program/go-build.ts";
import type { Progress } from "../cache.ts";
import { run } from "../run.ts";
import { type Recipe, replaceLines } from "./recipes.ts";
import { seccompEnvironment } from "./seccomp.ts";

/**
 * Builds one program of a recipe from the Go module proxy and puts it in place in one step.
 * @param folder the rig's cache for this platform
 * @param file where the program goes
 * @throws EvenkeelError EK_PROGRAM_MISSING without Go, EK_CHECKSUM_MISMATCH, EK_BUILD_FAILED
 */
export async function buildProgram(
  recipe: Recipe,
  program: string,
  folder: string,
  file: string,
  onProgress: Progress,
): Promise<void> {
  const made = besideOf(file);
  const seccomp = recipe.seccomp === true ? await seccompEnvironment(folder, onProgress) : undefined;
  await buildGoProgram({
    name: program,
    module: recipe.module,
    version: recipe.version,
    sum: recipe.sum,
    package: recipe.programs[program] as string,
    ...(recipe.ldflags === undefined ? {} : { ldflags: recipe.ldflags }),
    ...(seccomp === undefined ? {} : { cgo: true, tags: ["seccomp"], needs: ["cc"] }),
    env: { ...process.env, ...seccomp },
    replaces: async (source) => replaceLines(recipe, await readFile(join(source, "go.mod"), "utf8")),
    destination: made,
    onProgress,
  });
  renameSync(made, file);
}

/** Builds a program that consists of one Go file and needs no module. */
export async function buildSingleFile(source: string, folder: string, file: string): Promise<void> {
  const made = besideOf(file);
  const main = join(folder, `${basename(file)}.go`);
  writeFileSync(main, source);
  await go(["build", "-ldflags=-s -w", "-o", made, main]);
  rmSync(main);
  renameSync(made, file);
}

/**
 * A file or folder of a recipe's module (charts, CRDs, templates), copied into the cache.
 * @returns its path there
 * @throws EvenkeelError EK_PROGRAM_MISSING without Go, EK_CHECKSUM_MISMATCH
 */
export async function moduleFile(recipe: Recipe, path: string, folder: string): Promise<string> {
  const kept = join(folder, "modules", recipe.module.replaceAll("/", "_"), recipe.version, path);
  if (existsSync(kept)) return kept;
  const answer = await go(["mod", "download", "-json", `${recipe.module}@${recipe.version}`]);
  const { Sum, Dir } = JSON.parse(answer) as { Sum: string; Dir: string };
  if (Sum !== recipe.sum)
    throw new EvenkeelError("EK_CHECKSUM_MISMATCH", `its hash is ${Sum}, not ${recipe.sum}`, {
      where: `${recipe.module}@${recipe.version}`,
    });
  const half = besideOf(kept);
  cpSync(join(Dir, path), half, { recursive: true });
  renameSync(half, kept);
  return kept;
}

function besideOf(file: string): string {
  mkdirSync(dirname(file), { recursive: true });
  return join(dirname(file), `.${basename(file)}.${process.pid}`);
}

async function go(args: readonly string[]): Promise<string> {
  try {
    const env = { ...process.env, GOFLAGS: "-mod=mod -buildvcs=false", CGO_ENABLED: "0", GOWORK: "off" };
    return await run("go", args, { cwd: "/", env });
  } catch (cause) {
    if (!(cause instanceof EvenkeelError) || cause.code !== "EK_PROGRAM_MISSING") throw cause;
    throw new EvenkeelError("EK_PROGRAM_MISSING", "the rig's programs are built with Go, and `go` is not on PATH", {
      next: "install Go 1.26 or newer, or name a folder with the programs by EVENKEEL_RIG_BIN",
      cause,
    });
  }
}
