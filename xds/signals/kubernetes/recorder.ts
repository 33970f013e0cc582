import type { FleetSource } from "../../fleet/fleet.ts";
import type { Node, Pod } from "../../fleet/kubernetes/objects.ts";
import type { CpuSource, SignalSink } from "../signal.ts";
import { type Clocks, toMonotonic } from "./clock.ts";
import { type FleetPod, fleetPods } from "./fleet-pods.ts";
import { cpuAllowance } from "./pod-allowance.ts";

/** What all sources need to turn a pod's CPU into its endpoints' utilisation. */
export interface RecorderOptions {
  readonly fleet: FleetSource;
  readonly sink: SignalSink;
  /** By `NAMESPACE/NAME`. */
  readonly pods: { readonly objects: ReadonlyMap<string, Pod> };
  /** By name. */
  readonly nodes: { readonly objects: ReadonlyMap<string, Node> };
  readonly clocks: Clocks;
}

/** When a figure was measured. */
export interface Measured {
  /** Its end, in ms since the epoch. */
  readonly wallMs: number;
  /** How long, in ms. */
  readonly overMs: number;
}

/** Records the CPU of the fleet's pods; figures that make no sense go no further. */
export class PodRecorder {
  readonly #options: RecorderOptions;
  readonly #source: CpuSource;
  /** Pods whose allowance nobody knows, as of the last {@link take}. */
  #unmeasured = 0;
  #recorded = 0;

  constructor(source: CpuSource, options: RecorderOptions) {
    this.#source = source;
    this.#options = options;
  }

  /** The fleet's pods just now. */
  pods(): ReadonlyMap<string, FleetPod> {
    return fleetPods(this.#options.fleet.current());
  }

  /** @param cores used, on average over the time that it was measured */
  recordCores(pod: FleetPod, cores: number, measured: Measured): void {
    const { pods, nodes } = this.#options;
    const object = pods.objects.get(pod.key);
    const node = nodes.objects.get(pod.node ?? object?.spec?.nodeName ?? "");
    const allowance = cpuAllowance(object, node);
    if (allowance === undefined) this.#unmeasured += 1;
    else this.recordUtilisation(pod.endpointKeys, cores / allowance, measured);
  }

  recordUtilisation(endpointKeys: Iterable<string>, utilisation: number, { wallMs, overMs }: Measured): void {
    if (!Number.isFinite(utilisation) || utilisation < 0 || !Number.isFinite(wallMs) || !(overMs > 0)) return;
    const { sink, clocks } = this.#options;
    this.#recorded += 1;
    const atMs = toMonotonic(wallMs, clocks);
    const sample = { source: this.#source, utilisation: Math.min(1, utilisation), atMs, overMs };
    for (const key of endpointKeys) sink.recordCpu(key, sample);
  }

  /** What was done since the last call. */
  take(): { readonly recorded: number; readonly unmeasured: number } {
    const taken = { recorded: this.#recorded, unmeasured: this.#unmeasured };
    this.#recorded = 0;
    this.#unmeasured = 0;
    return taken;
  }
}
