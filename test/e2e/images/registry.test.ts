import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { Registry } from "./registry.ts";

async function registryWith(name: string) {
  const folder = mkdtempSync(join(tmpdir(), "evenkeel-registry-"));
  const file = join(folder, "layer.tar");
  writeFileSync(file, "a layer");
  const registry = new Registry();
  onTestFinished(() => {
    registry.stop();
    rmSync(folder, { recursive: true });
  });
  const layers = [{ file, sha256: createHash("sha256").update("a layer").digest("hex") }];
  registry.add(name, [
    { architecture: "amd64", config: { Cmd: ["node"] }, layers },
    { architecture: "arm64", config: {}, layers },
  ]);
  return { url: await registry.start(), layers };
}

interface Index {
  readonly manifests: readonly { readonly digest: string; readonly platform: { readonly architecture: string } }[];
}
interface Manifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string; readonly size: number }[];
}

it("leads from a tag to each platform's configuration and layers, each under its own digest", async () => {
  const { url, layers } = await registryWith("node:24");
  const get = async <T>(kind: string, reference: string): Promise<T> => {
    const text = await (await fetch(`${url}/v2/library/node/${kind}/${reference}`)).text();
    if (reference !== "24") expect(`sha256:${createHash("sha256").update(text).digest("hex")}`).toBe(reference);
    return text.startsWith("{") ? JSON.parse(text) : (text as T);
  };
  const index = await get<Index>("manifests", "24");
  expect(index.manifests.map(({ platform }) => platform.architecture)).toEqual(["amd64", "arm64"]);
  const manifest = await get<Manifest>("manifests", index.manifests[0]?.digest as string);
  expect(await get("blobs", manifest.config.digest)).toMatchObject({
    architecture: "amd64",
    os: "linux",
    config: { Cmd: ["node"] },
    rootfs: { diff_ids: [`sha256:${layers[0]?.sha256}`] },
  });
  expect(manifest.layers).toMatchObject([{ digest: `sha256:${layers[0]?.sha256}`, size: 7 }]);
  expect(await get<string>("blobs", manifest.layers[0]?.digest as string)).toBe("a layer");
});

it("says that it is a registry, and that it has nothing else", async () => {
  const { url } = await registryWith("envoyproxy/envoy:v1");
  const status = async (path: string) => (await fetch(url + path, { method: "HEAD" })).status;
  expect(await status("/v2/")).toBe(200);
  expect(await status("/v2/envoyproxy/envoy/manifests/v1")).toBe(200);
  expect(await status("/v2/envoyproxy/envoy/manifests/v2")).toBe(404);
  expect(await status("/")).toBe(404);
});
