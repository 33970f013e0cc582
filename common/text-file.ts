import { readFileSync, statSync } from "node:fs";
import { EvenkeelError } from "./errors.ts";

/**
 * Reads a file of text.
 * @param what what the file is, for the message, e.g. `the fleet file`
 * @returns its text; undefined when it is not text in UTF-8
 * @throws EvenkeelError EK_FILE_UNREADABLE, also when it is larger than `maxBytes` or no regular file
 */
export function readTextFile(path: string, what: string, maxBytes: number): string | undefined {
  let bytes: Buffer;
  try {
    const stats = statSync(path);
    if (!stats.isFile()) throw new Error(stats.isDirectory() ? "it is a directory" : "it is not a regular file");
    if (stats.size > maxBytes) throw new Error(`it is larger than ${maxBytes} bytes`);
    bytes = readFileSync(path);
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
