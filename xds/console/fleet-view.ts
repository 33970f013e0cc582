import type { Fleet } from "../fleet/fleet.ts";
import type { SignalView } from "../signals/signal.ts";

/** The `/fleet` page: what is out there, what is known of it, and which weight it has. */
export interface FleetView {
  /** Why the source cannot be read just now; the last good fleet is shown. */
  readonly fault?: string;
  readonly clusters: readonly {
    readonly name: string;
    /** All weights are equal: Envoy picks by its in-flight counts alone. */
    readonly equal: boolean;
    readonly endpoints: readonly EndpointView[];
  }[];
}

export interface EndpointView {
  readonly key: string;
  readonly state: "ready" | "draining";
  /** Absent until the cluster has settled. */
  readonly weight?: number;
  readonly cpu?: { readonly utilisation: number; readonly source: string; readonly ageMs: number };
  readonly load?: {
    readonly inFlight: number;
    readonly requestsPerSecond: number;
    readonly errorsPerSecond: number;
    readonly ageMs: number;
  };
}

/** Makes the page. Pure; `nowMs` is on the clock of the samples. */
export function fleetView(
  fleet: Fleet | undefined,
  fault: string | undefined,
  signals: SignalView,
  weightsOf: (cluster: string) => ReadonlyMap<string, number> | undefined,
  nowMs: number,
): FleetView {
  const clusters = [...(fleet?.clusters.values() ?? [])].map((cluster) => {
    const weights = weightsOf(cluster.name);
    return {
      name: cluster.name,
      equal: new Set(weights?.values()).size <= 1,
      endpoints: cluster.endpoints.map(({ key, state }): EndpointView => {
        const signal = signals.get(key);
        const weight = weights?.get(key);
        return {
          key,
          state,
          ...(weight === undefined ? {} : { weight }),
          ...(signal?.cpu === undefined
            ? {}
            : {
                cpu: {
                  utilisation: signal.cpu.utilisation,
                  source: signal.cpu.source,
                  ageMs: Math.round(nowMs - signal.cpu.atMs),
                },
              }),
          ...(signal?.load === undefined
            ? {}
            : {
                load: {
                  inFlight: signal.load.inFlight,
                  requestsPerSecond: signal.load.requestsPerSecond,
                  errorsPerSecond: signal.load.errorsPerSecond,
                  ageMs: Math.round(nowMs - signal.load.atMs),
                },
              }),
        };
      }),
    };
  });
  return { ...(fault === undefined ? {} : { fault }), clusters };
}
