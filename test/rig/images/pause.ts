import { PAUSE_IMAGE } from "../node/config.ts";
import type { ImageSpec } from "./archive.ts";
import { file } from "./layer.ts";

/** The image of every pod's sandbox. */
export function pauseImage(program: string): ImageSpec {
  return { name: PAUSE_IMAGE, entrypoint: ["/pause"], layers: [[file(program, "/pause")]] };
}
