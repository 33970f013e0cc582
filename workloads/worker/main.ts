import type { AddressInfo } from "node:net";
import { describeError, EvenkeelError } from "../../common/errors.ts";
import { type Logger, logger } from "../../common/log.ts";
import { loadSettings } from "../../common/settings.ts";
import { nextStopSignal } from "../../common/stop-signal.ts";
import { drainAfter, listen } from "../server/serve.ts";
import { findIsolation, findPython } from "./isolation.ts";
import { type JobDirectories, openJobDirectories } from "./job-directories.ts";
import { createWorker, type Worker } from "./server.ts";
import { uploadSpaceBytes, WORKER_COMMAND, type WorkerSettings } from "./settings.ts";

/**
 * `evenkeel worker`: serves until SIGTERM or SIGINT, then finishes what it has accepted.
 * @returns the exit status
 * @throws EvenkeelError EK_USAGE, EK_SETTING_INVALID, EK_PROGRAM_MISSING, EK_ISOLATION_UNAVAILABLE, EK_PORT_IN_USE
 */
export async function main(args: string[]): Promise<number> {
  const loaded = loadSettings(WORKER_COMMAND, args);
  if (loaded.kind === "help") {
    process.stdout.write(loaded.text);
    return 0;
  }
  const log = logger("worker");
  const jobs = await openJobDirectories(loaded.values.workDir);
  try {
    const stop = nextStopSignal();
    const worker = await start(loaded.values, jobs, log);
    await drainAfter(stop, worker, loaded.values.drainTimeout, log);
    return 0;
  } finally {
    await jobs.close();
  }
}

async function start(settings: WorkerSettings, jobs: JobDirectories, log: Logger): Promise<Worker> {
  const limits = {
    timeMs: settings.timeLimit,
    cpuSeconds: Math.ceil(settings.cpuLimit / 1000),
    memoryBytes: settings.memoryLimit,
    processes: settings.processLimit,
    fileBytes: settings.fileLimit,
    outputBytes: settings.outputLimit,
  };
  const python = await findPython(settings.python);
  const wish = { kind: settings.isolation, noNetwork: settings.noNetwork };
  const isolation = await findIsolation(wish, python, jobs, limits);
  const worker = await createWorker({
    concurrency: settings.concurrency,
    queue: settings.queue,
    arriving: settings.arriving,
    maxUploadBytes: settings.maxUpload,
    uploadSpaceBytes: uploadSpaceBytes(settings),
    uploadTimeoutMs: settings.uploadTimeout,
    slowestUploadBytesPerS: settings.slowestUpload,
    limits,
    isolation,
    jobs,
    log,
  });
  await listen(worker, settings);
  log.info(
    {
      address: worker.app.server.address() as AddressInfo,
      python,
      isolation: isolation.name,
      passedOver: isolation.passedOver,
      concurrency: settings.concurrency,
      queue: settings.queue,
    },
    "listening",
  );
  return worker;
}

if (import.meta.main)
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${describeError(error)}\n`);
    process.exitCode = error instanceof EvenkeelError && error.code === "EK_USAGE" ? 2 : 1;
  }
