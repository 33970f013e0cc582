import { join } from "node:path";
import { type Child, startChild } from "../../../common/child.ts";
import type { Rig } from "../../rig/rig.ts";

/** One answer of the app through its Service. */
export interface Probe {
  readonly path: "/load" | "/health";
  /** When it came, in seconds since the load's beginning. */
  readonly at: number;
  readonly ms: number;
  readonly failed: boolean;
  /** What failed. */
  readonly what?: string;
}

/** Probes that run, and their answers so far. */
export interface Probes {
  readonly answers: readonly Probe[];
  stop(): Promise<void>;
}

/** @param beginMs the load's beginning, as `Date.now` gives it */
export async function startProbes(
  rig: Rig,
  url: string,
  beginMs: number,
  paths: readonly Probe["path"][],
): Promise<Probes> {
  const answers: Probe[] = [];
  const script = join(import.meta.dirname, "prober.ts");
  const [command, ...args] = rig.inside([process.execPath, script, url, paths.join(",")]) as [string, ...string[]];
  const child: Child = await startChild(command, args, {
    name: "prober",
    onLine: (line, stream) => {
      if (stream === "stderr") return void process.stderr.write(`prober: ${line}\n`);
      const { begin, ...answer } = JSON.parse(line) as Omit<Probe, "at"> & { begin: number };
      answers.push({ ...answer, at: (begin + answer.ms - beginMs) / 1000 });
    },
  });
  return { answers, stop: () => child.stop() };
}

/** What failed, a few at most, for an error; empty when nothing did. */
export function failures(probes: readonly Probe[]): string {
  return probes
    .filter(({ failed }) => failed)
    .slice(0, 5)
    .map(({ path, at, what }) => `${path} at ${at.toFixed(1)} s: ${what}`)
    .join("; ");
}
