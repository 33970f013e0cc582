import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";

/** What a registry keeps under a digest. */
interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly content: { readonly text: string } | { readonly file: string };
}

/** An image of one platform, as the registry is given it. */
export interface PlatformImage {
  /** As Docker names it: amd64, arm64. */
  readonly architecture: string;
  /** `config` of the OCI image configuration: Env, User and so on. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Layers that are tar files, with their SHA-256 in hexadecimal, lowest first. */
  readonly layers: readonly { readonly file: string; readonly sha256: string }[];
}

const OCI = "application/vnd.oci.image";

/** A registry of its own on loopback that only gives, for a daemon that has it as its mirror of Docker Hub. */
export class Registry {
  readonly #blobs = new Map<string, Blob>();
  /** Indexes by `NAME:TAG`. */
  readonly #tags = new Map<string, Blob>();
  readonly #server: Server = createServer((request, response) => {
    const blob = this.#find(request.url ?? "");
    if (blob === undefined) return void response.writeHead(request.url === "/v2/" ? 200 : 404).end();
    response.writeHead(200, {
      "content-type": blob.mediaType,
      "content-length": blob.size,
      "docker-content-digest": blob.digest,
    });
    if (request.method === "HEAD") return void response.end();
    if ("text" in blob.content) return void response.end(blob.content.text);
    // A client that goes away is its own affair.
    pipeline(createReadStream(blob.content.file), response).catch(() => undefined);
  });

  /** @returns its URL */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** @param name with its tag, as it stands in `FROM`: `node:24`, `envoyproxy/envoy:v1` */
  add(name: string, images: readonly PlatformImage[]): void {
    const manifests = images.map((image) => {
      const { mediaType, digest, size } = this.#manifest(image);
      return { mediaType, digest, size, platform: { os: "linux", architecture: image.architecture } };
    });
    const index = this.#keep(`${OCI}.index.v1+json`, { schemaVersion: 2, manifests });
    // Docker Hub has its own images under `library`.
    this.#tags.set(name.includes("/") ? name : `library/${name}`, index);
  }

  #manifest({ architecture, config, layers }: PlatformImage): Blob {
    const diffIds = layers.map(({ sha256 }) => `sha256:${sha256}`);
    const configuration = this.#keep(`${OCI}.config.v1+json`, {
      architecture,
      os: "linux",
      config,
      rootfs: { type: "layers", diff_ids: diffIds },
      history: layers.map(() => ({ created_by: "test/e2e/images" })),
    });
    const blobs = layers.map(({ file, sha256 }) => {
      const digest = `sha256:${sha256}`;
      const blob = { mediaType: `${OCI}.layer.v1.tar`, digest, size: statSync(file).size, content: { file } };
      this.#blobs.set(digest, blob);
      return blob;
    });
    return this.#keep(`${OCI}.manifest.v1+json`, {
      schemaVersion: 2,
      mediaType: `${OCI}.manifest.v1+json`,
      config: descriptor(configuration),
      layers: blobs.map(descriptor),
    });
  }

  #keep(mediaType: string, value: object): Blob {
    const text = JSON.stringify(value);
    const digest = `sha256:${createHash("sha256").update(text).digest("hex")}`;
    const blob = { mediaType, digest, size: Buffer.byteLength(text), content: { text } };
    this.#blobs.set(digest, blob);
    return blob;
  }

  #find(url: string): Blob | undefined {
    const [, name, reference] = /^\/v2\/(.+)\/(?:manifests|blobs)\/([^/?]+)/.exec(url) ?? [];
    if (name === undefined || reference === undefined) return undefined;
    return this.#tags.get(`${name}:${reference}`) ?? this.#blobs.get(reference);
  }
}

function descriptor({ mediaType, digest, size }: Blob): object {
  return { mediaType, digest, size };
}
