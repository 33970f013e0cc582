import { Agent, request } from "node:http";

export interface Load {
  readonly port: number;
  /** The `Host` header. */
  readonly host: string;
  readonly requests: number;
  readonly concurrency: number;
}

export interface LoadFigures {
  /** Of each request that was answered with 200, in ms, in the order in which they ended. */
  readonly latenciesMs: readonly number[];
  /** What else happened, with its count. */
  readonly failures: ReadonlyMap<string, number>;
  readonly seconds: number;
}

/** Asks `concurrency` at once, over connections that are kept. */
export async function drive(load: Load): Promise<LoadFigures> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.concurrency });
  const latenciesMs: number[] = [];
  const failures = new Map<string, number>();
  const fail = (what: string) => failures.set(what, (failures.get(what) ?? 0) + 1);
  let left = load.requests;
  const began = performance.now();
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      const start = performance.now();
      const outcome = await ask(agent, load);
      if (outcome === 200) latenciesMs.push(performance.now() - start);
      else fail(String(outcome));
    }
  };
  await Promise.all(Array.from({ length: load.concurrency }, worker));
  agent.destroy();
  return { latenciesMs, failures, seconds: (performance.now() - began) / 1000 };
}

/** @returns the status, or what went wrong; never rejects */
export async function ask(agent: Agent | false, load: Pick<Load, "port" | "host">): Promise<number | string> {
  return await new Promise((resolve) => {
    const asked = request(
      { host: "127.0.0.1", port: load.port, path: "/", headers: { host: load.host }, agent },
      (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode ?? 0)).on("error", (error) => resolve(error.message));
      },
    );
    asked.on("error", (error) => resolve(error.message));
    asked.end();
  });
}

/** The value below which that share of the sorted values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
