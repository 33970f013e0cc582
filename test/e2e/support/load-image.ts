import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findEnvoy } from "../../../sidecar/envoy/find.ts";
import { packImage } from "../../rig/images/archive.ts";
import { evenkeelImage } from "../../rig/images/evenkeel.ts";
import { file, type LayerEntry } from "../../rig/images/layer.ts";
import { librariesOf } from "../../rig/images/libraries.ts";
import type { Rig } from "../../rig/rig.ts";

export interface LoadImageOptions {
  /** Also Python, for workers. */
  readonly python?: boolean;
  /** Also Envoy, for gateways. */
  readonly envoy?: boolean;
  /** More files. */
  readonly extra?: readonly LayerEntry[];
}

/** Packs this repository into an image and loads it into the rig's node. */
export async function loadEvenkeelImage(
  rig: Rig,
  { python = false, envoy = false, extra = [] }: LoadImageOptions = {},
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "evenkeel-e2e-image-"));
  try {
    const archive = join(folder, "image.tar");
    await packImage(await evenkeelImage({ python, extra: [...extra, ...(envoy ? await envoyFiles() : [])] }), archive);
    await rig.loadImage(archive);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function envoyFiles() {
  const envoy = await findEnvoy();
  return [...(await librariesOf([envoy])), file(envoy, "/usr/local/bin/envoy")];
}
