import { createReadStream, createWriteStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createInflateRaw } from "node:zlib";

/** Sizes and signatures of the ZIP format: PKWARE's APPNOTE.TXT, 4.3.7, 4.3.12 and 4.3.16. */
const END = { signature: 0x06054b50, size: 22, maxComment: 0xffff };
const CENTRAL = { signature: 0x02014b50, size: 46 };
const LOCAL = { signature: 0x04034b50, size: 30 };
const STORED = 0;
const DEFLATED = 8;

interface Member {
  readonly method: number;
  readonly compressedBytes: number;
  readonly offset: number;
}

/**
 * Writes one member of a ZIP archive (a wheel is one) to a file. ZIP64 is not read: no wheel of ours comes near 4 GiB.
 * @throws Error when the archive is damaged or lacks the member
 */
export async function extractZipMember(archive: string, member: string, destination: string): Promise<void> {
  const file = await open(archive);
  let found: Member;
  let start: number;
  try {
    found = await findMember(file, member);
    const local = await read(file, found.offset, LOCAL.size);
    if (local.readUInt32LE(0) !== LOCAL.signature) throw new Error("the archive is damaged: no local header");
    start = found.offset + LOCAL.size + local.readUInt16LE(26) + local.readUInt16LE(28);
  } finally {
    await file.close();
  }
  const content = createReadStream(archive, { start, end: start + found.compressedBytes - 1 });
  const output = createWriteStream(destination);
  if (found.method === STORED) await pipeline(content, output);
  else await pipeline(content, createInflateRaw(), output);
}

async function findMember(file: FileHandle, name: string): Promise<Member> {
  const { size } = await file.stat();
  const tailBytes = Math.min(size, END.size + END.maxComment);
  const tail = await read(file, size - tailBytes, tailBytes);
  const signature = Buffer.alloc(4);
  signature.writeUInt32LE(END.signature);
  const end = tail.lastIndexOf(signature);
  if (end < 0) throw new Error("it is no ZIP archive");
  const directory = await read(file, tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12));
  for (let at = 0; at + CENTRAL.size <= directory.length; ) {
    if (directory.readUInt32LE(at) !== CENTRAL.signature) throw new Error("the archive is damaged: no directory entry");
    const nameBytes = directory.readUInt16LE(at + 28);
    if (directory.toString("utf8", at + CENTRAL.size, at + CENTRAL.size + nameBytes) === name) {
      const method = directory.readUInt16LE(at + 10);
      if (method !== STORED && method !== DEFLATED)
        throw new Error(`${name} is compressed by unknown method ${method}`);
      return { method, compressedBytes: directory.readUInt32LE(at + 20), offset: directory.readUInt32LE(at + 42) };
    }
    at += CENTRAL.size + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  throw new Error(`the archive has no ${name}`);
}

async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  if (bytesRead < length) throw new Error("the archive is cut short");
  return buffer;
}
