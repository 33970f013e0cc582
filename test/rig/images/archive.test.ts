import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extract } from "tar";
import { afterEach, beforeEach, expect, test } from "vitest";
import { packImage } from "./archive.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "evenkeel-archive-test-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const sha256 = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");

test("an archive names its configuration and layers by what they hold", async () => {
  const archive = join(folder, "image.tar");
  const text = (path: string) => ({ kind: "text", path, text: path, mode: 0o644 }) as const;
  await packImage(
    {
      name: "docker.io/evenkeel/x:1",
      entrypoint: ["/run"],
      env: { A: "b" },
      workingFolder: "/app",
      layers: [[text("/a")], [text("/b")]],
    },
    archive,
  );
  // Nothing of the work is left beside it.
  expect(readdirSync(folder)).toEqual(["image.tar"]);
  const out = join(folder, "out");
  mkdirSync(out);
  await extract({ file: archive, cwd: out, strict: true });
  const [manifest] = JSON.parse(readFileSync(join(out, "manifest.json"), "utf8")) as [
    { Config: string; RepoTags: string[]; Layers: string[] },
  ];
  expect(manifest.RepoTags).toEqual(["docker.io/evenkeel/x:1"]);
  expect(manifest.Config).toBe(`${sha256(join(out, manifest.Config))}.json`);
  const config = JSON.parse(readFileSync(join(out, manifest.Config), "utf8")) as {
    config: { Entrypoint: string[]; Env: string[]; WorkingDir: string };
    rootfs: { diff_ids: string[] };
  };
  expect(config.rootfs.diff_ids).toEqual(manifest.Layers.map((layer) => `sha256:${sha256(join(out, layer))}`));
  expect(config.config).toMatchObject({ Entrypoint: ["/run"], WorkingDir: "/app" });
  expect(config.config.Env).toContain("A=b");
});
