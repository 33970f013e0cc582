import { describeError, EvenkeelError } from "../../common/errors.ts";
import { logger } from "../../common/log.ts";
import { loadSettings } from "../../common/settings.ts";
import { nextStopSignal } from "../../common/stop-signal.ts";
import { drainAfter, listen } from "../server/serve.ts";
import { createCpuLoad } from "./server.ts";
import { CPU_LOAD_COMMAND } from "./settings.ts";

/**
 * `evenkeel cpu-load`: serves until SIGTERM or SIGINT, then finishes what it has accepted.
 * @returns the exit status
 * @throws EvenkeelError EK_USAGE, EK_SETTING_INVALID, EK_PORT_IN_USE
 */
export async function main(args: string[]): Promise<number> {
  const loaded = loadSettings(CPU_LOAD_COMMAND, args);
  if (loaded.kind === "help") {
    process.stdout.write(loaded.text);
    return 0;
  }
  const { values } = loaded;
  const log = logger("cpu-load");
  const stop = nextStopSignal();
  const server = createCpuLoad({ ...values, durationMs: values.duration, log });
  await listen(server, values);
  const { threads, concurrency, queue } = values;
  log.info({ address: server.app.server.address(), threads, concurrency, queue }, "listening");
  await drainAfter(stop, server, values.drainTimeout, log);
  return 0;
}

if (import.meta.main)
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${describeError(error)}\n`);
    process.exitCode = error instanceof EvenkeelError && error.code === "EK_USAGE" ? 2 : 1;
  }
