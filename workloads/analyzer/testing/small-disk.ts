import { rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { run } from "../../../common/program/run.ts";

const SIZE = "8m";
const COMMAND_MS = 30_000;

/** A real file system of its own that can be filled to the last byte. */
export interface SmallDisk {
  fill(): Promise<void>;
  free(): Promise<void>;
}

/**
 * Mounts one in memory on a folder until the test ends.
 * @throws Error when this process may not mount
 */
export async function smallDisk(folder: string): Promise<SmallDisk> {
  await run("mount", ["-t", "tmpfs", "-o", `size=${SIZE}`, "tmpfs", folder], { timeoutMs: COMMAND_MS });
  // Lazily: what a test that failed has left open must not keep it.
  onTestFinished(async () => void (await run("umount", ["--lazy", folder], { timeoutMs: COMMAND_MS })));
  const filler = join(folder, ".filler");
  return {
    async fill() {
      const { bavail, bsize } = await statfs(folder);
      await writeFile(filler, Buffer.alloc(bavail * bsize));
    },
    free: () => rm(filler),
  };
}
