import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { FastifyRequest } from "fastify";
import type { Logger } from "../../common/log.ts";
import type { Place } from "./gate.ts";
import type { Isolation } from "./isolation.ts";
import type { JobDirectories } from "./job-directories.ts";
import type { WorkerMetrics } from "./metrics.ts";
import { receiveUpload } from "./receive-upload.ts";
import { type RunResult, runScript, SCRIPT_NAME, type ScriptLimits } from "./run-script.ts";

/** What every job needs. */
export interface JobContext {
  readonly maxUploadBytes: number;
  readonly limits: ScriptLimits;
  readonly isolation: Isolation;
  readonly jobs: JobDirectories;
  readonly log: Logger;
  readonly metrics: WorkerMetrics;
}

/** One accepted upload. */
export interface Job {
  readonly request: FastifyRequest;
  readonly place: Place;
  /** Ends the job early, with its reason. */
  readonly signal: AbortSignal;
  /** Called just before the script starts. */
  readonly onStart: () => void;
}

/**
 * Receives the script into a directory of its own, waits for its turn, runs it, and removes the directory.
 * @throws Refusal when the upload cannot be used; the signal's reason when it aborts before the start
 */
export async function runJob(context: JobContext, { request, place, signal, onStart }: Job): Promise<RunResult> {
  const { jobs, metrics, log } = context;
  const arrived = performance.now();
  const directory = await jobs.create();
  try {
    await receiveUpload(request, join(directory, SCRIPT_NAME), context.maxUploadBytes, signal);
    await place.turn(signal);
    onStart();
    const start = performance.now();
    metrics.waited((start - arrived) / 1000);
    const result = await runScript(directory, context.isolation, context.limits, signal);
    metrics.ran((performance.now() - start) / 1000);
    return result;
  } finally {
    await jobs
      .remove(directory)
      .catch((error: unknown) => log.warn({ err: error, directory }, "a job's directory could not be removed"));
  }
}
