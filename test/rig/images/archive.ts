import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type LayerEntry, padding, tarHeader, writeLayer } from "./layer.ts";

/** An image to be packed. */
export interface ImageSpec {
  /** With registry and tag, as the container runtime will know it. */
  readonly name: string;
  readonly entrypoint: readonly string[];
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly workingFolder?: string;
  readonly user?: string;
  readonly layers: readonly (readonly LayerEntry[])[];
}

interface WrittenLayer {
  readonly file: string;
  readonly sha256: string;
  readonly size: number;
}

/**
 * Packs files into an image archive as `docker save` writes it, which containerd, kind, minikube and Docker all read. No
 * registry and no Docker take part.
 */
export async function packImage(spec: ImageSpec, destination: string): Promise<void> {
  const work = mkdtempSync(join(dirname(destination), ".image-"));
  try {
    const layers: WrittenLayer[] = [];
    for (const [index, entries] of spec.layers.entries()) {
      const file = join(work, `${index}.tar`);
      layers.push({ file, ...(await writeLayer(entries, file)) });
    }
    const made = join(work, "image.tar");
    await pipeline(Readable.from(archiveChunks(spec, layers)), createWriteStream(made));
    renameSync(made, destination);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function* archiveChunks(spec: ImageSpec, layers: readonly WrittenLayer[]): AsyncGenerator<Buffer> {
  const config = imageConfig(
    spec,
    layers.map((layer) => layer.sha256),
  );
  const configName = `${createHash("sha256").update(config).digest("hex")}.json`;
  yield* textEntry(configName, config);
  for (const layer of layers) {
    const path = `${layer.sha256}/layer.tar`;
    yield* tarHeader({ kind: "file", path, source: layer.file, mode: 0o644 }, layer.size);
    yield* createReadStream(layer.file);
    yield padding(layer.size);
  }
  const paths = layers.map((layer) => `${layer.sha256}/layer.tar`);
  yield* textEntry("manifest.json", JSON.stringify([{ Config: configName, RepoTags: [spec.name], Layers: paths }]));
  yield Buffer.alloc(1024);
}

function* textEntry(path: string, text: string): Generator<Buffer> {
  const body = Buffer.from(text);
  yield* tarHeader({ kind: "text", path, text, mode: 0o644 }, body.length);
  yield body;
  yield padding(body.length);
}

/** The image's configuration: github.com/opencontainers/image-spec, config.md. */
export function imageConfig(spec: ImageSpec, layerHashes: readonly string[]): string {
  const env = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ...spec.env };
  return JSON.stringify({
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    os: "linux",
    config: {
      Entrypoint: spec.entrypoint,
      ...(spec.command === undefined ? {} : { Cmd: spec.command }),
      Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      ...(spec.workingFolder === undefined ? {} : { WorkingDir: spec.workingFolder }),
      ...(spec.user === undefined ? {} : { User: spec.user }),
    },
    rootfs: { type: "layers", diff_ids: layerHashes.map((hash) => `sha256:${hash}`) },
    history: layerHashes.map(() => ({ created_by: "evenkeel rig" })),
  });
}
