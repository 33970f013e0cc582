import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { identify } from "./process-table.ts";

const PREFIX = "evenkeel-api-";

/**
 * A temporary folder of this process. Folders that dead processes left behind are removed on the way: what was killed
 * could not do it itself.
 */
export function temporaryFolder(root: string = tmpdir()): string {
  for (const name of readdirSync(root)) {
    const owner = ownerOf(name);
    if (owner !== undefined && identify(owner) === undefined)
      rmSync(join(root, name), { recursive: true, force: true, maxRetries: 3 });
  }
  return mkdtempSync(join(root, `${PREFIX}${process.pid}-`));
}

/** The process that made a folder of this kind; undefined for any other name. */
export function ownerOf(name: string): number | undefined {
  const match = name.startsWith(PREFIX) ? /^(\d+)-/.exec(name.slice(PREFIX.length)) : null;
  return match === null ? undefined : Number(match[1]);
}
