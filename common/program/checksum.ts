import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { EvenkeelError } from "../errors.ts";

/** A file's SHA-256 in hexadecimal. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash);
  return hash.digest("hex");
}

/**
 * Checks a downloaded file, and removes it when it is not the one that was pinned.
 * @param what the file's origin, for the error
 * @throws EvenkeelError EK_CHECKSUM_MISMATCH
 */
export async function requireSha256(path: string, sha256: string, what: string): Promise<void> {
  const found = await sha256Of(path);
  if (found === sha256) return;
  await rm(path, { force: true });
  throw new EvenkeelError("EK_CHECKSUM_MISMATCH", `its SHA-256 is ${found}, pinned is ${sha256}; it was removed`, {
    where: what,
  });
}
