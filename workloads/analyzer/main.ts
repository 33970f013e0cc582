import { describeError, EvenkeelError } from "../../common/errors.ts";
import { type Logger, logger } from "../../common/log.ts";
import { loadSettings } from "../../common/settings.ts";
import { runJob } from "./job.ts";
import { openConnection } from "./mqtt/connection.ts";
import { ANALYZER_COMMAND, type AnalyzerSettings, analyzerSettings } from "./settings.ts";

/**
 * `evenkeel analyzer`: analyses the images that wait, and ends when none does, or at SIGTERM. Prints what it has done as one
 * JSON object.
 * @returns the exit status: 0, also when images were given back to the broker at SIGTERM; 1 when the database lacks rows
 * @throws EvenkeelError EK_USAGE, EK_SETTING_INVALID, EK_FILE_UNREADABLE, EK_MODEL_INVALID, EK_BROKER_UNREACHABLE,
 * EK_BROKER_REFUSED
 */
export async function main(args: string[]): Promise<number> {
  const loaded = loadSettings(ANALYZER_COMMAND, args);
  if (loaded.kind === "help") {
    process.stdout.write(loaded.text);
    return 0;
  }
  const settings = analyzerSettings(loaded.values, process.env);
  const log = logger("analyzer");
  if (settings.subscribeOnly) return await subscribe(settings, log);
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.on(signal, () => {
      // A second one does not wait any longer.
      if (stop.signal.aborted) process.exit(1);
      log.info({ signal }, "ending: what a worker has is finished, the rest is given back");
      stop.abort();
    });
  const report = await runJob({ settings, stop: stop.signal, log });
  process.stdout.write(`${JSON.stringify(report)}\n`);
  if (report.isInDatabase !== false) return 0;
  log.error({ file: settings.csvPath }, "the database lacks rows of this file; the next job on it brings them");
  return 1;
}

/** Makes the session that the broker keeps images in, so that none is lost that is sent before the first job. */
async function subscribe(settings: AnalyzerSettings, log: Logger): Promise<number> {
  const { access, clientId, topic } = settings;
  const connection = await openConnection({ ...access, clientId, clean: false, onMessage: () => undefined });
  await connection.subscribe(topic);
  await connection.close();
  log.info({ topic, clientId }, "the broker keeps images from now on");
  return 0;
}

if (import.meta.main)
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${describeError(error)}\n`);
    process.exitCode = error instanceof EvenkeelError && error.code === "EK_USAGE" ? 2 : 1;
  }
