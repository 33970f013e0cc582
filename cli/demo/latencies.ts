import type { Stack } from "./stack.ts";

/** What a worker has spent on uploads since it started: waiting and running, in seconds, and how many have ended. */
export interface Spent {
  readonly seconds: number;
  readonly uploads: number;
}

/** Reads a worker's metrics; undefined when they are not all there. Pure. */
export function spentOf(metrics: string): Spent | undefined {
  const figure = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(metrics)?.[1]);
  const seconds = figure("worker_wait_seconds_sum") + figure("worker_job_seconds_sum");
  const uploads = figure("worker_job_seconds_count");
  return Number.isFinite(seconds) && Number.isFinite(uploads) ? { seconds, uploads } : undefined;
}

/** Mean latency of the uploads that each worker has ended lately, as the workers' own metrics tell it. */
export class Latencies {
  readonly #windowMs: number;
  readonly #looks: { readonly atMs: number; readonly spent: ReadonlyMap<string, Spent> }[] = [];

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  add(atMs: number, spent: ReadonlyMap<string, Spent>): void {
    this.#looks.push({ atMs, spent });
    while (this.#looks.length > 2 && (this.#looks[1]?.atMs ?? atMs) <= atMs - this.#windowMs) this.#looks.shift();
  }

  /** By worker name, in ms; a worker that has ended none lately is not in it. */
  means(): ReadonlyMap<string, number> {
    const first = this.#looks[0]?.spent;
    const means = new Map<string, number>();
    for (const [name, now] of this.#looks.at(-1)?.spent ?? []) {
      const before = first?.get(name);
      if (before === undefined || now.uploads <= before.uploads) continue;
      means.set(name, (1000 * (now.seconds - before.seconds)) / (now.uploads - before.uploads));
    }
    return means;
  }
}

/** Asks all workers at once. One that does not answer is left out. */
export async function lookAtWorkers({ workers }: Pick<Stack, "workers">): Promise<ReadonlyMap<string, Spent>> {
  const spent = new Map<string, Spent>();
  await Promise.all(
    workers.map(async ({ name, key }) => {
      try {
        const response = await fetch(`http://${key}/metrics`, { signal: AbortSignal.timeout(2000) });
        const found = spentOf(await response.text());
        if (found !== undefined) spent.set(name, found);
      } catch {
        // A worker that is being restarted has nothing to tell.
      }
    }),
  );
  return spent;
}
