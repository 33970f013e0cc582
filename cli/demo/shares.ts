import type { WorkerView } from "./observe.ts";

/** How many requests each worker had got by a moment, as Envoy counts them. */
interface Look {
  readonly atMs: number;
  readonly requests: ReadonlyMap<string, number>;
}

/** Looks older than this are forgotten: nothing asks for shares over a longer time. */
const KEEP_MS = 300_000;

/** Remembers looks at Envoy's counters and tells each worker's share of the requests between two moments. */
export class Shares {
  readonly #looks: Look[] = [];

  add(atMs: number, workers: readonly WorkerView[]): void {
    while ((this.#looks[0]?.atMs ?? atMs) < atMs - KEEP_MS) this.#looks.shift();
    this.#looks.push({ atMs, requests: new Map(workers.map(({ name, requests }) => [name, requests])) });
  }

  /**
   * Shares (0 to 1) by worker name of the requests that began between the looks nearest to two moments, and their count.
   * A time without requests gives 0 for all.
   */
  between(fromMs: number, toMs: number): { shares: Map<string, number>; requests: number } {
    const from = this.#looks.findLast(({ atMs }) => atMs <= fromMs) ?? this.#looks[0];
    const to = this.#looks.findLast(({ atMs }) => atMs <= toMs);
    const counts = new Map<string, number>();
    let requests = 0;
    for (const [name, count] of to?.requests ?? []) {
      const taken = count - (from?.requests.get(name) ?? 0);
      counts.set(name, taken);
      requests += taken;
    }
    return {
      shares: new Map([...counts].map(([name, taken]) => [name, requests === 0 ? 0 : taken / requests])),
      requests,
    };
  }
}
