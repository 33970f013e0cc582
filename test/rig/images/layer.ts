import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Header, Pax } from "tar";

/** One thing in an image, by its absolute path there. */
export type LayerEntry =
  | { readonly kind: "file"; readonly path: string; readonly source: string; readonly mode: number }
  | { readonly kind: "text"; readonly path: string; readonly text: string; readonly mode: number }
  | { readonly kind: "folder"; readonly path: string; readonly mode: number }
  | { readonly kind: "link"; readonly path: string; readonly target: string };

/** A file of the machine, under another name or its own. Symbolic links are followed. */
export function file(source: string, path: string = source): LayerEntry {
  const real = realpathSync(source);
  return { kind: "file", path, source: real, mode: statSync(real).mode & 0o111 ? 0o755 : 0o644 };
}

/** All files below a folder that `wanted` (which sees paths relative to it) lets through. */
export function tree(source: string, path: string, wanted: (relative: string) => boolean = () => true): LayerEntry[] {
  const entries: LayerEntry[] = [];
  const walk = (relative: string) => {
    for (const name of readdirSync(join(source, relative))) {
      const inside = join(relative, name);
      const from = join(source, inside);
      if (!wanted(inside) || !existsSync(from)) continue;
      if (statSync(from).isDirectory()) walk(inside);
      else if (statSync(from).isFile()) entries.push(file(from, join(path, inside)));
    }
  };
  walk("");
  return entries;
}

/** Sorted, each path once (the last one given counts), the folders that are missing added in front of what they hold. */
export function completed(entries: readonly LayerEntry[]): LayerEntry[] {
  const byPath = new Map<string, LayerEntry>();
  for (const entry of entries) byPath.set(entry.path, entry);
  for (const entry of entries)
    for (let path = dirname(entry.path); path !== "/" && !byPath.has(path); path = dirname(path))
      byPath.set(path, { kind: "folder", path, mode: 0o755 });
  return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * Writes a layer as a tar file. Owner root, time zero: the same files give the same layer.
 * @returns its SHA-256 in hexadecimal and its size in bytes
 */
export async function writeLayer(
  entries: readonly LayerEntry[],
  destination: string,
): Promise<{ sha256: string; size: number }> {
  const hash = createHash("sha256");
  let size = 0;
  const measured = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  };
  await pipeline(Readable.from(tarChunks(completed(entries))), measured, createWriteStream(destination));
  return { sha256: hash.digest("hex"), size };
}

async function* tarChunks(entries: readonly LayerEntry[]): AsyncGenerator<Buffer> {
  for (const entry of entries) {
    const body = entry.kind === "text" ? Buffer.from(entry.text) : undefined;
    const length = entry.kind === "file" ? statSync(entry.source).size : (body?.length ?? 0);
    yield* tarHeader(entry, length);
    if (body !== undefined) yield body;
    if (entry.kind === "file" && length > 0) yield* createReadStream(entry.source, { end: length - 1 });
    yield padding(length);
  }
  yield Buffer.alloc(1024);
}

/** The header of a tar entry, with an extended one before it where a name is too long for it. */
export function* tarHeader(entry: LayerEntry, size: number): Generator<Buffer> {
  const path = entry.path.replace(/^\//, "") + (entry.kind === "folder" ? "/" : "");
  const data = {
    path,
    mode: entry.kind === "link" ? 0o777 : entry.mode,
    uid: 0,
    gid: 0,
    size,
    mtime: new Date(0),
    type: TYPES[entry.kind],
    ...(entry.kind === "link" ? { linkpath: entry.target } : {}),
  };
  const header = new Header(data);
  const block = Buffer.alloc(512);
  if (header.encode(block)) {
    const { path: longPath, linkpath } = { linkpath: undefined, ...data };
    yield new Pax({ path: longPath, ...(linkpath === undefined ? {} : { linkpath }) }).encode();
  }
  yield block;
}

const TYPES = { file: "File", text: "File", folder: "Directory", link: "SymbolicLink" } as const;

/** What fills the last block of an entry. */
export function padding(size: number): Buffer {
  return Buffer.alloc((512 - (size % 512)) % 512);
}
