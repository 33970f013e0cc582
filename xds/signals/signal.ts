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
}

/** What the Envoys reported of one endpoint (LRS), summed over all of them and put into rates over the report's interval. */
export interface LoadSample {
  readonly inFlight: number;
  readonly requestsPerSecond: number;
  readonly errorsPerSecond: number;
  readonly atMs: number;
}

/** All that is known of one endpoint. */
export interface Signal {
  readonly cpu?: CpuSample;
  readonly load?: LoadSample;
}

/** Signals by endpoint key. The only thing that the weights see of the sources. */
export interface SignalView {
  get(endpointKey: string): Signal | undefined;
}

/** Where sources write. Bad figures (NaN, negative, infinite) are refused and counted here, once. */
export interface SignalSink {
  recordCpu(endpointKey: string, sample: CpuSample): void;
  recordLoad(endpointKey: string, sample: LoadSample): void;
  /** The endpoint has left the fleet: forget it. */
  forget(endpointKey: string): void;
}
