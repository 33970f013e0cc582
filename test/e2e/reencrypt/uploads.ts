import { join } from "node:path";
import { startChild } from "../../../common/child.ts";
import { median } from "../../../common/median.ts";
import { waitUntil } from "../../rig/ready.ts";
import type { Rig } from "../../rig/rig.ts";

const SCRIPT = join(import.meta.dirname, "..", "..", "..", "examples", "reencrypt.py");
/** For the answers that are still to come when uploading ends, in ms. */
const LAST_ANSWERS_MS = 230_000;

/** What came of one upload. */
export interface Upload {
  /** When its answer came, in seconds since the beginning. */
  readonly at: number;
  readonly ms: number;
  /** 0: no whole answer came. */
  readonly status: number;
  /** Was its script run to its good end? */
  readonly ok: boolean;
  /** The answer, or why there is none, where it is not ok. */
  readonly text?: string;
}

/** Uploads that go on, and what came of them so far. */
export interface Uploads {
  readonly answered: readonly Upload[];
  /**
   * Sends no more and waits for all answers.
   * @throws Error when one that was due is not accounted for
   */
  stop(): Promise<void>;
}

/**
 * Uploads examples/reencrypt.py from the rig's network, so many times a second.
 * @param beginMs the beginning, as `Date.now` gives it
 */
export async function startUploads(rig: Rig, url: string, perSecond: number, beginMs: number): Promise<Uploads> {
  const answered: Upload[] = [];
  let due: number | undefined;
  const words = [process.execPath, join(import.meta.dirname, "uploader.ts"), url, SCRIPT, String(perSecond)];
  const [command, ...args] = rig.inside(words) as [string, ...string[]];
  const child = await startChild(command, args, {
    name: "uploader",
    onLine: (line, stream) => {
      if (stream === "stderr") return void process.stderr.write(`uploader: ${line}\n`);
      const read = JSON.parse(line) as (Omit<Upload, "at"> & { begin: number }) | { due: number };
      if ("due" in read) due = read.due;
      else {
        const { begin, ...upload } = read;
        answered.push({ ...upload, at: (begin + upload.ms - beginMs) / 1000 });
      }
    },
  });
  return {
    answered,
    async stop() {
      await child.stop(LAST_ANSWERS_MS);
      // Its last lines may be on their way still.
      await new Promise((resolve) => setTimeout(resolve, 200));
      if (due !== answered.length) throw new Error(`${due ?? "?"} uploads were due, ${answered.length} are known of`);
    },
  };
}

const TRIALS = 6;
const TRIAL_PER_SECOND = 0.5;

/**
 * What one upload takes of a CPU, in s: as long as its answer takes when there is no other. Machines differ by five times, so
 * the checks' rates are parts of a CPU and not numbers of uploads.
 * @throws Error when one is lost
 */
export async function costOfUpload(rig: Rig, url: string): Promise<number> {
  const trial = await startUploads(rig, url, TRIAL_PER_SECOND, Date.now());
  try {
    await waitUntil(`${TRIALS} answers`, () => trial.answered.length >= TRIALS, { timeoutMs: 120_000 });
  } finally {
    await trial.stop();
  }
  requireAll(trial.answered);
  return median(trial.answered.map(({ ms }) => ms)) / 1000;
}

/** @throws Error that tells of some of the uploads that were lost */
export function requireAll(uploads: readonly Upload[]): void {
  const lost = uploads.filter(({ ok }) => !ok);
  const told = lost
    .slice(0, 5)
    .map(({ at, ms, status, text }) => `at ${at.toFixed(1)} s after ${ms.toFixed(0)} ms: ${status} ${text}`);
  if (lost.length > 0) throw new Error(`${lost.length} of ${uploads.length} uploads were lost: ${told.join("; ")}`);
}
