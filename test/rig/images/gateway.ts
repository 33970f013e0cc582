import { findEnvoy } from "../../../sidecar/envoy/find.ts";
import { type Progress, platformCache } from "../cache.ts";
import { moduleFile } from "../programs/build.ts";
import { ISTIO_MODULE, RECIPES, type Recipe } from "../programs/recipes.ts";
import { accounts } from "./accounts.ts";
import type { ImageSpec } from "./archive.ts";
import { file } from "./layer.ts";
import { librariesOf } from "./libraries.ts";

/** Where Istio's injection finds the proxy's image: HUB/proxyv2:TAG. */
export const PROXY_HUB = "docker.io/evenkeel";
export const PROXY_TAG = "rig";

/**
 * The image that injection puts in the place of `image: auto`: pilot-agent and an upstream Envoy, which lacks Istio's own
 * filters.
 */
export async function gatewayImage(pilotAgent: string, onProgress: Progress): Promise<ImageSpec> {
  const envoy = await findEnvoy({ onProgress });
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
