import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { FastifyRequest } from "fastify";
import type { Logger } from "../../common/log.ts";
import type { Place } from "../server/gate.ts";
import type { Isolation } from "./isolation.ts";
import type { JobDirectories } from "./job-directories.ts";
import type { WorkerMetrics } from "./metrics.ts";
import { isDiskError, receiveUpload } from "./receive-upload.ts";
import type { Reception } from "./receptions.ts";
import { Refusal } from "./refusal.ts";
import { type RunResult, runScript, SCRIPT_NAME, type ScriptLimits } from "./run-script.ts";
import type { UploadSpace } from "./upload-space.ts";

/** What every job needs. */
export interface JobContext {
  readonly maxUploadBytes: number;
  readonly space: UploadSpace;
  readonly limits: ScriptLimits;
  readonly isolation: Isolation;
  readonly jobs: JobDirectories;
  readonly log: Logger;
  readonly metrics: WorkerMetrics;
}

/** One accepted upload. */
export interface Job {
  readonly request: FastifyRequest;
  readonly reception: Reception;
  /**
   * Takes a place among those that wait and run, when the upload has arrived.
   * @throws Refusal when there is none
   */
  readonly enter: () => Place;
  /** Ends the job early, with its reason. */
  readonly signal: AbortSignal;
  /** Called just before the script starts. */
  readonly onStart: () => void;
}

/**
 * Receives the script into a directory of its own, waits for its turn, runs it, and removes the directory.
 * @throws Refusal when the upload cannot be used; the signal's reason when it aborts before the start
 */
export async function runJob(context: JobContext, job: Job): Promise<RunResult> {
  const { jobs, log } = context;
  const arrived = performance.now();
  const space = context.space.open();
  let directory: string | undefined;
  try {
    try {
      directory = await jobs.create();
      const limits = { maxBytes: context.maxUploadBytes, reception: job.reception, space };
      await receiveUpload(job.request, join(directory, SCRIPT_NAME), limits, job.signal);
    } catch (error) {
      if (!isDiskError(error)) throw error;
      log.error({ err: error }, "an upload cannot be written");
      throw Refusal.diskFails();
    }
    job.reception.leave();
    return await runAtTurn(context, job, directory, arrived);
  } finally {
    job.reception.leave();
    if (directory !== undefined)
      await jobs
        .remove(directory)
        .catch((error: unknown) => log.warn({ err: error, directory }, "a job's directory could not be removed"));
    space.release();
  }
}

async function runAtTurn(context: JobContext, job: Job, directory: string, arrived: number): Promise<RunResult> {
  const { metrics } = context;
  const place = job.enter();
  try {
    await place.turn(job.signal);
    job.onStart();
    const start = performance.now();
    metrics.waited((start - arrived) / 1000);
    const result = await runScript(directory, context.isolation, context.limits, job.signal);
    metrics.ran((performance.now() - start) / 1000);
    return result;
  } finally {
    place.leave();
  }
}
