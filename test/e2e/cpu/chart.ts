import type { Probe } from "./probes.ts";
import type { Sample } from "./sample.ts";

/** Width of the bars, in characters. */
const BAR = 20;

/**
 * Draws pods, CPU and latency over time, one line for each sample.
 * @param samples in the order of their times
 */
export function chart(samples: readonly Sample[], probes: readonly Probe[]): string {
  const mostPods = Math.max(1, ...samples.map(({ wanted, ready }) => Math.max(wanted, ready)));
  const mostCores = Math.max(0.1, ...samples.map(({ cores }) => cores));
  const rows = samples.map((sample, index) => {
    const from = samples[index - 1]?.at ?? 0;
    const during = probes.filter(({ at, failed }) => at > from && at <= sample.at && !failed);
    return [
      sample.at.toFixed(0).padStart(5),
      `${sample.ready}/${sample.wanted}`.padStart(6),
      bar(sample.ready, mostPods),
      sample.cores.toFixed(2).padStart(5),
      bar(sample.cores, mostCores),
      worst(during, "/load", 1000, 1).padStart(7),
      worst(during, "/health", 1, 0).padStart(10),
    ].join(" ");
  });
  const head = ["    s", " ready", "pods".padEnd(BAR), "cores", "CPU".padEnd(BAR), "/load s", "/health ms"].join(" ");
  return [head, ...rows].join("\n");
}

function bar(value: number, most: number): string {
  return "#".repeat(Math.round((value / most) * BAR)).padEnd(BAR);
}

/** The longest answer of a path, in units of `unitMs`; a dash when there was none. */
function worst(probes: readonly Probe[], path: Probe["path"], unitMs: number, digits: number): string {
  const times = probes.filter((probe) => probe.path === path).map(({ ms }) => ms / unitMs);
  return times.length === 0 ? "-" : Math.max(...times).toFixed(digits);
}
