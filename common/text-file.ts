import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { EvenkeelError } from "./errors.ts";

const CHUNK_BYTES = 64 * 1024;

/**
 * Reads a file of text.
 * @param what what the file is, for the message, e.g. `the fleet file`
 * @returns its text; undefined when it is not text in UTF-8
 * @throws EvenkeelError EK_FILE_UNREADABLE, also when it is larger than `maxBytes` or no regular file
 */
export function readTextFile(path: string, what: string, maxBytes: number): string | undefined {
  let bytes: Buffer;
  try {
    bytes = readBounded(path, maxBytes);
  } catch (error) {
    throw new EvenkeelError("EK_FILE_UNREADABLE", `${what} cannot be read: ${(error as Error).message}`, {
      where: path,
      cause: error,
    });
  }
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Never waits, whatever the path leads to by now, and never reads more than a chunk beyond `maxBytes`. */
function readBounded(path: string, maxBytes: number): Buffer {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new Error(stats.isDirectory() ? "it is a directory" : "it is not a regular file");
    if (stats.size > maxBytes) throw tooLarge(maxBytes);
    // The size that a file tells is not always what it holds: it may grow, and those of /proc tell 0.
    const chunks: Buffer[] = [];
    for (let total = 0; ; ) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const length = readSync(file, chunk);
      if (length === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, length));
      total += length;
      if (total > maxBytes) throw tooLarge(maxBytes);
    }
  } finally {
    closeSync(file);
  }
}

function tooLarge(maxBytes: number): Error {
  return new Error(`it is larger than ${maxBytes} bytes`);
}
