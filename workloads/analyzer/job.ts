import { setTimeout as sleep } from "node:timers/promises";
import { EvenkeelError } from "../../common/errors.ts";
import type { Logger } from "../../common/log.ts";
import { Analyser, type Counts } from "./analyser.ts";
import { DatabaseFollower } from "./database/follower.ts";
import { Session } from "./mqtt/session.ts";
import { Persistence } from "./persist.ts";
import { AnalysisPool } from "./pool/pool.ts";
import { CsvFile } from "./results/csv-file.ts";
import { diskFiles, type Files } from "./results/files.ts";
import { ImageFiles } from "./results/image-files.ts";
import type { AnalyzerSettings } from "./settings.ts";

const LOOK_MS = 100;

export interface JobOptions {
  readonly settings: AnalyzerSettings;
  /** SIGTERM. */
  readonly stop: AbortSignal;
  readonly log: Logger;
  readonly files?: Files;
}

/** What a job has done. */
export interface JobReport extends Counts {
  /** Images that were held at the end without a result: the broker sends them to the next job. */
  readonly givenBack: number;
  /** Why it ended. */
  readonly ended: "idle" | "stopped";
  /** Whether the database has all rows of the CSV file; absent without a database. */
  readonly isInDatabase?: boolean;
}

/**
 * Analyses what waits and ends when nothing waits any more.
 * @throws EvenkeelError EK_BROKER_UNREACHABLE or EK_BROKER_REFUSED when the broker stays away too long, EK_MODEL_INVALID,
 * EK_SETTING_INVALID, EK_CHILD_FAILED
 */
export async function runJob({ settings, stop, log, files = diskFiles }: JobOptions): Promise<JobReport> {
  const { limits, model, workers, imageTimeout, outputDir, csvPath, database, drainTimeout } = settings;
  const givingUp = new AbortController();
  const persistence = new Persistence(log, givingUp.signal);
  // Waiting for a full disk ends as soon as nobody wants the job any more.
  const onStop = () => setTimeout(() => givingUp.abort(stopped()), drainTimeout).unref();
  stop.addEventListener("abort", onStop, { once: true });
  const csv = new CsvFile(csvPath, files);
  const images = new ImageFiles(outputDir, files);
  await using ends = new AsyncDisposableStack();
  ends.defer(() => stop.removeEventListener("abort", onStop));
  await persistence.insist(outputDir, () => images.prepare());
  await persistence.insist(csvPath, () => csv.prepare());
  const pool = await AnalysisPool.start({ workers, limits, imageMs: imageTimeout, ...(model === "" ? {} : { model }) });
  ends.defer(() => pool.close());
  // What is still in work then goes back to the broker.
  givingUp.signal.addEventListener("abort", () => void pool.close(), { once: true });
  const follower = database && new DatabaseFollower({ csvPath, files, database, log });
  ends.defer(() => follower?.close());
  const analyser = new Analyser({
    pool,
    csv,
    images,
    persistence,
    resultTopic: settings.resultTopic,
    outputDir,
    node: settings.nodeName,
    pod: settings.podName,
    log,
    onRow: () => follower?.notify(),
  });
  const session = new Session({
    ...settings.access,
    clientId: settings.clientId,
    filter: settings.topic,
    log,
    onMessage: (message) => analyser.take(message),
  });
  ends.defer(() => session.close());
  analyser.attach(session);
  const ended = await untilDone(settings, analyser, session, stop);
  const givenBack = await analyser.stop();
  await session.close();
  if (analyser.failure !== undefined) throw analyser.failure;
  const isInDatabase = await follower?.drain(ended === "idle" ? settings.dbTimeout : drainTimeout);
  return { ...analyser.counts, givenBack, ended, ...(isInDatabase === undefined ? {} : { isInDatabase }) };
}

async function untilDone(
  { idle, connectTimeout }: AnalyzerSettings,
  analyser: Analyser,
  session: Session,
  stop: AbortSignal,
): Promise<JobReport["ended"]> {
  while (!stop.aborted) {
    if (analyser.failure !== undefined) return "stopped";
    const { isConnected, sinceMs } = session;
    // What the broker has may need a moment to come, so the idle time begins with the connection.
    if (idle !== undefined && isConnected && Math.min(analyser.idleMs, sinceMs) >= idle) return "idle";
    if (connectTimeout !== undefined && !isConnected && sinceMs >= connectTimeout) {
      await analyser.stop();
      throw session.lastFault ?? new EvenkeelError("EK_BROKER_UNREACHABLE", "there was no connection");
    }
    await sleep(LOOK_MS, undefined, { signal: stop }).catch(() => undefined);
  }
  return "stopped";
}

function stopped(): EvenkeelError {
  return new EvenkeelError("EK_STOPPED", "the analyser was stopped");
}
