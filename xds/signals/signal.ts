/** Where a CPU figure came from, best first. */
export const CPU_SOURCES = ["agent", "kubelet", "metrics-api", "prometheus"] as const;
export type CpuSource = (typeof CPU_SOURCES)[number];

/** CPU of one endpoint's pod or process tree. */
export interface CpuSample {
  readonly source: CpuSource;
  /** Used share of what it may use: 0 idle, 1 all of its limit (or of the machine). Checked: finite, 0 to 1. */
  readonly utilisation: number;
  /** When it was measured, on our monotonic clock, in ms ({@link SignalView} turns it into an age). */
  readonly atMs: number;
  /** How long it was measured, in ms: the utilisation is a mean over it, and its source has a new one about so often. Above 0. */
  readonly overMs: number;
}

/** CPU as it is read: {@link CpuSample.utilisation} is smoothed over the last samples of its source. */
export interface CpuSignal extends CpuSample {
  /** The utilisation of the last sample alone. */
  readonly latest: number;
  /** The last figures of a slow source, newest first, this one among them. Absent: an agent's. */
  readonly figures?: readonly CpuFigure[];
}

/** One figure of a slow source: every source but the agent is slow. */
export interface CpuFigure extends Pick<CpuSample, "utilisation" | "atMs" | "overMs"> {
  /** The requests that the Envoys reported for the time that it was measured, in 1/s; undefined: not known. */
  readonly requestsPerSecond: number | undefined;
}

/** What the Envoys reported of one endpoint (LRS), summed over all of them and put into rates over the last second. */
export interface LoadSample {
  readonly inFlight: number;
  readonly requestsPerSecond: number;
  readonly errorsPerSecond: number;
  /** When a report last told of a request to it, in ms; minus infinity: in none of the last ones. */
  readonly busyMs: number;
  readonly atMs: number;
}

/** All that is known of one endpoint. */
export interface Signal {
  readonly cpu?: CpuSignal;
  readonly load?: LoadSample;
}

/** Signals by endpoint key. The only thing that the weights see of the sources. */
export interface SignalView {
  get(endpointKey: string): Signal | undefined;
}

/**
 * Hears of each new sample.
 * @param cpuChange by how much the CPU differs from the sample before it, 0 to 1; 0 for a load
 */
export type SignalListener = (endpointKey: string, cpuChange: number) => void;

/** Where sources write. Bad figures (NaN, negative, infinite) are refused and counted here, once. */
export interface SignalSink {
  recordCpu(endpointKey: string, sample: CpuSample): void;
  recordLoad(endpointKey: string, sample: LoadSample): void;
}
