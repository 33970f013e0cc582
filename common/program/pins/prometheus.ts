import { findProgram } from "../find.ts";
import type { Pin } from "../pin.ts";
import type { OnProgress } from "../progress.ts";

const VERSION = "3.16.0";

/** The Prometheus that our queries are tried with, without its service discoveries and its web pages. */
export const PROMETHEUS: Pin = {
  name: "prometheus",
  version: VERSION,
  setting: "EVENKEEL_PROMETHEUS",
  versionArgs: ["--version"],
  ways: [
    {
      kind: "go",
      module: "github.com/prometheus/prometheus",
      // Its releases 3.x.y are the module's v0.3xx.y.
      version: "v0.316.0",
      sum: "h1:f1GRFerhTMKQma+awCoC9T820ecWeGSdF+xAlMHzZzM=",
      package: "github.com/prometheus/prometheus/cmd/prometheus",
      tags: ["remove_all_sd"],
      ldflags: `-X github.com/prometheus/common/version.Version=${VERSION}`,
    },
  ],
};

/**
 * Finds Prometheus, or builds it from its source into the cache.
 * @returns the binary's path
 * @throws EvenkeelError as {@link findProgram} does
 */
export async function findPrometheus(options: { onProgress?: OnProgress } = {}): Promise<string> {
  return await findProgram(PROMETHEUS, options);
}
