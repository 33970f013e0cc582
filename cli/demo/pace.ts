import { availableParallelism } from "node:os";
import { EvenkeelError } from "../../common/errors.ts";
import { median } from "../../common/median.ts";
import type { Multipart } from "../load/multipart.ts";
import { upload } from "./uploads.ts";

/** The uploads' part of this machine's CPUs: beside a script that burns one of two there must be room left for the demo itself. */
const CPU_PART = 0.3;
const MOST_PER_SECOND = 5;
const TRIALS = 5;

/**
 * How many uploads of a script the demo sends each second.
 * @param url the front door of a fleet that is idle
 * @throws EvenkeelError EK_CHILD_FAILED when an upload fails
 */
export async function usualPace(url: string, script: Multipart<Buffer>): Promise<number> {
  return uploadsPerSecond(await costOfUpload(url, script), availableParallelism());
}

/**
 * What one upload takes of a CPU, in s: as long as its answer takes when there is no other.
 * @throws EvenkeelError EK_CHILD_FAILED when one fails
 */
export async function costOfUpload(url: string, script: Multipart<Buffer>): Promise<number> {
  const latencies: number[] = [];
  for (let trial = 0; trial < TRIALS; trial += 1) {
    const { ok, status, body, latencyMs } = await upload(url, script);
    if (!ok)
      throw new EvenkeelError("EK_CHILD_FAILED", `an upload failed: HTTP ${status} ${body.slice(0, 200)}`, {
        where: url,
      });
    latencies.push(latencyMs);
  }
  return median(latencies) / 1000;
}

/**
 * The pace that leaves a machine CPU for the rest of the demo. Machines differ by five times in what an upload costs, and where
 * all workers are short of CPU, none of them is the busy one. Pure.
 * @param costS CPU time of one upload, in s
 * @param cpus how many CPUs the machine has
 */
export function uploadsPerSecond(costS: number, cpus: number): number {
  return Math.min(MOST_PER_SECOND, (CPU_PART * cpus) / costS);
}
