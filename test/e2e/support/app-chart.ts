import type { AppSample } from "./app-sample.ts";

/** Width of the bars, in characters. */
const BAR = 20;

/** One more column of the chart: what happened between two samples. */
export interface ChartColumn {
  readonly title: string;
  /** @param fromS exclusive, @param toS inclusive, both in seconds since the beginning */
  readonly text: (fromS: number, toS: number) => string;
}

/**
 * Draws pods and CPU over time, one line for each sample, with further columns behind.
 * @param samples in the order of their times
 */
export function appChart(samples: readonly AppSample[], columns: readonly ChartColumn[]): string {
  const mostPods = Math.max(1, ...samples.map(({ wanted, ready }) => Math.max(wanted, ready)));
  const mostCores = Math.max(0.1, ...samples.map(({ cores }) => cores));
  const rows = samples.map((sample, index) => {
    const from = samples[index - 1]?.at ?? Number.NEGATIVE_INFINITY;
    return [
      sample.at.toFixed(0).padStart(5),
      `${sample.ready}/${sample.wanted}`.padStart(6),
      bar(sample.ready, mostPods),
      sample.cores.toFixed(2).padStart(5),
      bar(sample.cores, mostCores),
      ...columns.map(({ title, text }) => text(from, sample.at).padStart(title.length)),
    ].join(" ");
  });
  const titles = columns.map(({ title }) => title);
  const head = ["    s", " ready", "pods".padEnd(BAR), "cores", "CPU".padEnd(BAR), ...titles].join(" ");
  return [head, ...rows].join("\n");
}

function bar(value: number, most: number): string {
  return "#".repeat(Math.round((value / most) * BAR)).padEnd(BAR);
}

/** A figure of some values, in a chart; a dash when there are none. */
export function figure(values: readonly number[], of: (values: readonly number[]) => number): string {
  return values.length === 0 ? "-" : of(values).toFixed(0);
}
