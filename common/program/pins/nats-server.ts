import { findProgram } from "../find.ts";
import type { Pin } from "../pin.ts";
import type { OnProgress } from "../progress.ts";

const VERSION = "v2.15.2";

/** The NATS server, a broker that speaks MQTT and keeps messages (JetStream). */
export const NATS_SERVER: Pin = {
  name: "nats-server",
  version: VERSION.slice(1),
  setting: "EVENKEEL_NATS_SERVER",
  versionArgs: ["--version"],
  ways: [
    {
      kind: "go",
      module: "github.com/nats-io/nats-server/v2",
      version: VERSION,
      sum: "h1:yLsgt2kslgymvxvjFq1WGWck5hkat2YYfbXvQ145tzU=",
    },
  ],
};

/**
 * Finds the NATS server, or builds it from its source into the cache.
 * @returns the binary's path
 * @throws EvenkeelError as {@link findProgram} does
 */
export async function findNatsServer(options: { onProgress?: OnProgress } = {}): Promise<string> {
  return await findProgram(NATS_SERVER, options);
}
