import { logger, setLogLevel } from "../../common/log.ts";
import { loadSettings } from "../../common/settings.ts";
import { nextStopSignal } from "../../common/stop-signal.ts";
import { startScaler } from "./scaler.ts";
import { SCALER } from "./settings.ts";

/**
 * `evenkeel scaler`: runs until SIGTERM or SIGINT.
 * @returns the exit code
 * @throws EvenkeelError as {@link startScaler} does, EK_USAGE
 */
export async function main(args: string[]): Promise<number> {
  const loaded = loadSettings(SCALER, args);
  if (loaded.kind === "help") {
    process.stdout.write(loaded.text);
    return 0;
  }
  setLogLevel(loaded.values.logLevel);
  const log = logger("scaler");
  const stopped = nextStopSignal();
  const scaler = await startScaler(loaded.values, log);
  const signal = await stopped;
  log.info({ signal }, "stopping");
  await scaler.stop();
  return 0;
}
