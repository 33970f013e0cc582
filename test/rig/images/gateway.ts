import { createHash } from "node:crypto";
import { existsSync, mkdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { findEnvoy } from "../../../sidecar/envoy/find.ts";
import { type Progress, platformCache } from "../cache.ts";
import { moduleFile } from "../programs/build.ts";
import { ISTIO_MODULE, ISTIO_VERSION, RECIPES, type Recipe } from "../programs/recipes.ts";
import { accounts } from "./accounts.ts";
import { type ImageSpec, packImage } from "./archive.ts";
import { file } from "./layer.ts";
import { librariesOf } from "./libraries.ts";

/** Where Istio's injection finds the proxy's image: HUB/proxyv2:TAG. */
export const PROXY_HUB = "docker.io/evenkeel";
export const PROXY_TAG = "rig";

/**
 * Packs {@link gatewayImage} once for each pair of pilot-agent and Envoy; later calls find the archive in the cache.
 * @returns the archive's path
 */
export async function gatewayArchive(pilotAgent: string, onProgress: Progress): Promise<string> {
  const envoy = await findEnvoy({ onProgress });
  const facts = [envoy, pilotAgent].map((path) => [path, statSync(path).size, statSync(path).mtimeMs]);
  const key = createHash("sha256")
    .update(JSON.stringify([ISTIO_VERSION, facts]))
    .digest("hex")
    .slice(0, 16);
  const folder = join(platformCache(), "images");
  const archive = join(folder, `proxy-${key}.tar`);
  if (existsSync(archive)) return archive;
  onProgress("packing the proxy's image");
  // Those of earlier pairs are not needed again.
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await packImage(await gatewayImage(envoy, pilotAgent), archive);
  return archive;
}

/**
 * The image that injection puts in the place of `image: auto`: pilot-agent and an upstream Envoy, which lacks Istio's own
 * filters.
 */
async function gatewayImage(envoy: string, pilotAgent: string): Promise<ImageSpec> {
  const istio = RECIPES.find((recipe) => recipe.module === ISTIO_MODULE) as Recipe;
  const bootstrap = "tools/packaging/common/envoy_bootstrap.json";
  const template = await moduleFile(istio, bootstrap, platformCache());
  const writable = ["/etc/istio/proxy", "/var/lib/istio", "/var/lib/istio/data", "/var/lib/istio/envoy", "/tmp"];
  return {
    name: `${PROXY_HUB}/proxyv2:${PROXY_TAG}`,
    entrypoint: ["/usr/local/bin/pilot-agent"],
    env: { ISTIO_META_ISTIO_VERSION: "1.30.0" },
    layers: [
      [
        ...accounts(),
        // pilot-agent runs as a user without rights, and writes the bootstrap and its sockets here.
        ...writable.map((path) => ({ kind: "folder", path, mode: 0o1777 }) as const),
        ...(await librariesOf([envoy])),
        file(envoy, "/usr/local/bin/envoy"),
      ],
      [
        file(pilotAgent, "/usr/local/bin/pilot-agent"),
        file(template, "/var/lib/istio/envoy/envoy_bootstrap_tmpl.json"),
      ],
    ],
  };
}
