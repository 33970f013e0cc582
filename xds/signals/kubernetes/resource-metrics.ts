/** CPU seconds that a pod has used since its start, as its kubelet counted them. */
export interface PodCounter {
  /** `NAMESPACE/NAME`. */
  readonly pod: string;
  readonly cpuSeconds: number;
  /** When it was counted, in ms since the epoch; undefined when the kubelet does not say. */
  readonly wallMs: number | undefined;
}

const NAME = "pod_cpu_usage_seconds_total{";
const LINE = /^pod_cpu_usage_seconds_total\{([^}]*)\}\s+(\S+)(?:\s+(\d+))?\s*$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/**
 * Reads the pods' CPU counters out of a kubelet's `/metrics/resource` (Prometheus' text format). Lines that make no sense
 * are passed over.
 */
export function podCounters(text: string): readonly PodCounter[] {
  const counters: PodCounter[] = [];
  for (const line of text.split("\n")) {
    if (!line.startsWith(NAME)) continue;
    const match = LINE.exec(line);
    const labels = Object.fromEntries([...(match?.[1] ?? "").matchAll(LABEL)].map(([, name, value]) => [name, value]));
    const cpuSeconds = Number(match?.[2]);
    if (!labels.namespace || !labels.pod || !Number.isFinite(cpuSeconds) || cpuSeconds < 0) continue;
    const wallMs = match?.[3] === undefined ? undefined : Number(match[3]);
    counters.push({ pod: `${labels.namespace}/${labels.pod}`, cpuSeconds, wallMs });
  }
  return counters;
}
