import { chmod, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { EvenkeelError } from "../errors.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { firstOnPath } from "./path.ts";
import type { GoSource } from "./pin.ts";
import type { OnProgress } from "./progress.ts";
import { run } from "./run.ts";
import { atLeast } from "./version.ts";

/** The Go that builds what names no older one. */
const DEFAULT_GO = "1.26";
const STILL_BUILDING_MS = 20_000;
const COMMAND_MS = 45 * 60_000;

export interface GoProgram extends Omit<GoSource, "sum"> {
  /** For progress lines and errors. */
  readonly name: string;
  /** `h1:…`; absent: only Go's own checksum database vouches for the module. */
  readonly sum?: string;
  /** The file to write. */
  readonly destination: string;
  readonly onProgress: OnProgress;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Builds a Go program of a published module in a throwaway module, which is removed again.
 * @throws EvenkeelError EK_PROGRAM_MISSING (Go itself, or what the build needs), EK_CHECKSUM_MISMATCH, EK_BUILD_FAILED;
 *   the signal's reason
 */
export async function buildGoProgram(program: GoProgram): Promise<void> {
  const { name, module, version, onProgress, signal } = program;
  const env: NodeJS.ProcessEnv = {
    ...(program.env ?? process.env),
    GO111MODULE: "on",
    GOWORK: "off",
    GOFLAGS: "-mod=mod -buildvcs=false",
    CGO_ENABLED: program.cgo === true ? "1" : "0",
  };
  await requireGo(program, env);
  const folder = await temporaryFolder("go");
  const go = (...args: readonly string[]) => run("go", args, { cwd: folder, env, timeoutMs: COMMAND_MS, signal });
  const began = Date.now();
  const beat = setInterval(
    () => onProgress(`${name}: still building (${Math.round((Date.now() - began) / 1000)} s)`),
    STILL_BUILDING_MS,
  );
  try {
    await writeFile(join(folder, "go.mod"), goMod(program, []));
    onProgress(`${name}: fetching the Go module ${module} ${version}`);
    const downloaded = parseDownload((await go("mod", "download", "-json", `${module}@${version}`)).stdout);
    if (program.sum !== undefined && downloaded.sum !== program.sum)
      throw new EvenkeelError("EK_CHECKSUM_MISMATCH", `its hash is ${downloaded.sum}, pinned is ${program.sum}`, {
        where: `${module}@${version}`,
      });
    const replaces = (await program.replaces?.(downloaded.folder)) ?? [];
    await writeFile(join(folder, "go.mod"), goMod(program, replaces));
    onProgress(`${name}: building it with Go; this takes a few minutes the first time`);
    const tags = program.tags === undefined ? [] : ["-tags", program.tags.join(",")];
    const ldflags = `-s -w ${program.ldflags ?? ""}`.trim();
    await go("build", ...tags, "-ldflags", ldflags, "-o", program.destination, program.package ?? module);
    await chmod(program.destination, 0o755);
  } catch (cause) {
    await rm(program.destination, { force: true });
    signal?.throwIfAborted();
    if (cause instanceof EvenkeelError) throw cause;
    throw new EvenkeelError("EK_BUILD_FAILED", (cause as Error).message, { where: `${module}@${version}`, cause });
  } finally {
    clearInterval(beat);
    await rm(folder, { recursive: true, force: true });
  }
}

/** The throwaway module's go.mod. Go itself adds what else is needed, as GOFLAGS has `-mod=mod`. */
export function goMod(program: Pick<GoSource, "module" | "version" | "go">, replaces: readonly string[]): string {
  const lines = [
    "module evenkeel.invalid/build",
    `go ${program.go ?? DEFAULT_GO}`,
    `require ${program.module} ${program.version}`,
    ...replaces.map((replace) => `replace ${replace}`),
  ];
  return `${lines.join("\n")}\n`;
}

function parseDownload(json: string): { folder: string; sum: string } {
  const parsed = JSON.parse(json) as { Dir?: string; Sum?: string };
  if (parsed.Dir === undefined || parsed.Sum === undefined) throw new Error("go mod download named no folder");
  return { folder: parsed.Dir, sum: parsed.Sum };
}

async function requireGo(program: GoProgram, env: NodeJS.ProcessEnv): Promise<void> {
  const wanted = program.go ?? DEFAULT_GO;
  const missing = (what: string) =>
    new EvenkeelError("EK_PROGRAM_MISSING", `${what}; ${program.name} builds with Go ${wanted} or newer`, {
      where: `${program.module}@${program.version}`,
      next: `install Go ${wanted} or newer and put it on PATH`,
    });
  let printed: string;
  try {
    printed = (await run("go", ["version"], { env, cwd: tmpdir(), timeoutMs: 30_000 })).stdout;
  } catch {
    throw missing("Go is not installed");
  }
  const found = /go(\d+(?:\.\d+)*)/.exec(printed)?.[1] ?? "0";
  if (!atLeast(found, wanted)) throw missing(`Go is ${found}`);
  for (const need of program.needs ?? [])
    if ((await firstOnPath(need, env.PATH?.split(delimiter) ?? [])) === undefined)
      throw new EvenkeelError("EK_PROGRAM_MISSING", `the build of ${program.name} needs ${need}`, {
        where: `${program.module}@${program.version}`,
        next: `install ${need} and put it on PATH`,
      });
}
