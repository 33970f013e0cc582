import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { Readable } from "node:stream";
import type { StreamedBody } from "./generator/exchange.ts";

/** One file as the field `file` of a form, as `curl -F file=@…` sends it. */
export interface Multipart<Body> {
  /** For the header `content-type`. */
  readonly type: string;
  readonly body: Body;
}

/** Reads a file into a form. */
export async function multipart(path: string, fileName: string): Promise<Multipart<Buffer>> {
  const { type, head, tail } = frame(fileName);
  return { type, body: Buffer.concat([head, await readFile(path), tail]) };
}

/** A form whose file is read anew each time that it is sent. The file must not change meanwhile. */
export async function streamedMultipart(path: string, fileName: string): Promise<Multipart<StreamedBody>> {
  const { type, head, tail } = frame(fileName);
  const { size } = await stat(path);
  async function* pieces(): AsyncGenerator<Buffer> {
    yield head;
    yield* createReadStream(path);
    yield tail;
  }
  const body = { length: head.length + size + tail.length, open: () => Readable.from(pieces(), { objectMode: false }) };
  return { type, body };
}

function frame(fileName: string): { type: string; head: Buffer; tail: Buffer } {
  const boundary = `evenkeel-${randomUUID()}`;
  const head = [
    `--${boundary}`,
    `Content-Disposition: form-data; name="file"; filename="${escaped(fileName)}"`,
    "Content-Type: application/octet-stream",
    "\r\n",
  ];
  return {
    type: `multipart/form-data; boundary=${boundary}`,
    head: Buffer.from(head.join("\r\n")),
    tail: Buffer.from(`\r\n--${boundary}--\r\n`),
  };
}

/** As browsers do it: https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data */
function escaped(fileName: string): string {
  return fileName.replace(/["\r\n]/g, (character) => encodeURIComponent(character));
}
