import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { Multipart, MultipartFile } from "@fastify/multipart";
import type { FastifyRequest } from "fastify";
import { Stopped } from "../server/stopped.ts";
import type { Reception } from "./receptions.ts";
import { Refusal } from "./refusal.ts";
import type { SpaceShare } from "./upload-space.ts";

/** The field that holds the script, as in `curl -F file=@my_script.py`. */
const FIELD = "file";

/** What boundaries, part headers and small fields beside the script may add to a body, in bytes. */
const OVERHEAD_BYTES = 64 * 1024;

/** Refuses by its declared length, before anything is read, what cannot be small enough. */
export function refuseDeclaredLength(request: FastifyRequest, maxBytes: number): void {
  if (Number(request.headers["content-length"] ?? 0) > maxBytes + OVERHEAD_BYTES) throw Refusal.tooLarge(maxBytes);
}

/** What one upload may take. */
export interface UploadLimits {
  readonly maxBytes: number;
  readonly reception: Reception;
  readonly space: SpaceShare;
}

/**
 * Streams the one uploaded file to `path`; nothing of its size is ever in memory, and the name that the client gave it
 * is not looked at.
 * @throws Refusal 422 when there is not exactly one file, in the right field and not empty; 413 when it is too large; 408
 *   when it comes too slowly; 503 when the space is used up; Stopped when the client leaves; the signal's reason when it
 *   aborts
 */
export async function receiveUpload(
  request: FastifyRequest,
  path: string,
  { maxBytes, reception, space }: UploadLimits,
  signal: AbortSignal,
): Promise<void> {
  // A client that has left already ends no listener's wait: neither its body nor the signal has an event to come.
  signal.throwIfAborted();
  if (!request.isMultipart())
    throw Refusal.unusable(`there is no file: send multipart/form-data with the script in the field "${FIELD}"`);
  const overflow = new AbortController();
  const stopped = AbortSignal.any([signal, reception.signal, overflow.signal]);
  let bytes = 0;
  const count = (chunk: Buffer): void => {
    // What is around the script comes to no disk, so that a space for one of the largest has room for it.
    const onDisk = Math.min(maxBytes, bytes + chunk.length) - Math.min(maxBytes, bytes);
    bytes += chunk.length;
    reception.received(chunk.length);
    if (bytes > maxBytes + OVERHEAD_BYTES) overflow.abort(Refusal.tooLarge(maxBytes));
    else if (!space.take(onDisk)) overflow.abort(Refusal.spaceFull());
  };
  const parsing = readParts(request, path, maxBytes, stopped);
  // After the parser has begun: this listener alone would start the flow before there is somebody to read it.
  request.raw.on("data", count);
  try {
    // A part that is only skipped does not end by the signal; it is no longer waited for.
    await Promise.race([parsing, rejection(stopped)]);
  } catch (error) {
    parsing.catch(() => {});
    stopped.throwIfAborted();
    // The parser may notice before anybody else that the client has left.
    if (request.raw.destroyed && !request.raw.complete) throw new Stopped("gone");
    if (error instanceof Refusal) throw error;
    if (isDiskError(error)) throw error;
    throw Refusal.unusable(`the multipart body is broken: ${(error as Error).message}`);
  } finally {
    request.raw.off("data", count);
  }
}

async function readParts(request: FastifyRequest, path: string, maxBytes: number, signal: AbortSignal): Promise<void> {
  const limits = { fileSize: maxBytes, files: 2, fields: 16, parts: 20, fieldSize: 1024, headerPairs: 100 };
  let found = false;
  for await (const part of request.parts({ limits })) {
    refusePart(part, found);
    found = true;
    await save(part, path, maxBytes, signal);
  }
  if (!found) throw Refusal.unusable(`there is no file: the form has no field "${FIELD}"`);
}

/** Refuses a part that is not the one file. */
function refusePart(part: Multipart, found: boolean): asserts part is MultipartFile {
  if (part.fieldname !== FIELD)
    throw Refusal.unusable(`the form has a field ${JSON.stringify(part.fieldname)}: send only the field "${FIELD}"`);
  if (part.type !== "file") throw Refusal.unusable(`the field "${FIELD}" holds text: send a file`);
  if (found) throw Refusal.unusable("there are two files: send one script at a time");
}

async function save(part: MultipartFile, path: string, maxBytes: number, signal: AbortSignal): Promise<void> {
  const file = createWriteStream(path, { flags: "wx", mode: 0o600 });
  await pipeline(part.file, file, { signal });
  if (part.file.truncated) throw Refusal.tooLarge(maxBytes);
  if (file.bytesWritten === 0) throw Refusal.unusable("the file is empty");
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** A full or broken disk is our fault and not the client's. */
export function isDiskError(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT", "EIO", "EROFS", "EMFILE", "ENFILE", "EACCES", "ENOENT"].includes(
    String((error as NodeJS.ErrnoException).code),
  );
}
