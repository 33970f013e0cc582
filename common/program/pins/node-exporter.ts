import { findProgram } from "../find.ts";
import type { Pin } from "../pin.ts";
import type { OnProgress } from "../progress.ts";

const VERSION = "v1.12.1";

/** Prometheus's exporter of a machine's figures. */
export const NODE_EXPORTER: Pin = {
  name: "node_exporter",
  version: VERSION.slice(1),
  setting: "EVENKEEL_NODE_EXPORTER",
  versionArgs: ["--version"],
  ways: [
    {
      kind: "go",
      module: "github.com/prometheus/node_exporter",
      version: VERSION,
      sum: "h1:LzcZ6SqJRH2EULBz3Paa1t1uzQaaoo9domuz8FQDkiY=",
      ldflags: `-X github.com/prometheus/common/version.Version=${VERSION.slice(1)}`,
    },
  ],
};

/**
 * Finds the node exporter, or builds it from its source into the cache.
 * @returns the binary's path
 * @throws EvenkeelError as {@link findProgram} does
 */
export async function findNodeExporter(options: { onProgress?: OnProgress } = {}): Promise<string> {
  return await findProgram(NODE_EXPORTER, options);
}
