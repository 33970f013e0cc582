import { readFile } from "node:fs/promises";
import type { Files } from "../results/files.ts";

/** Up to where of which CSV file the database has the rows. */
export interface Position {
  readonly inode: number;
  /** Bytes from its beginning. */
  readonly offset: number;
}

const START: Position = { inode: 0, offset: 0 };

/** Reads a position; the beginning when there is none or it makes no sense: rows that are there change nothing. */
export async function readPosition(path: string): Promise<Position> {
  const text = await readFile(path, "utf8").catch(() => "");
  const [inode, offset] = text.trim().split(" ").map(Number);
  return Number.isSafeInteger(inode) && Number.isSafeInteger(offset)
    ? { inode: inode as number, offset: offset as number }
    : START;
}

/** Writes it whole or not at all. */
export async function writePosition(files: Files, path: string, { inode, offset }: Position): Promise<void> {
  const half = `${path}.${process.pid}.part`;
  const handle = await files.open(half, "w");
  try {
    await handle.writeFile(`${inode} ${offset}\n`);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await files.rename(half, path);
}
