import type { FleetSource } from "./fleet.ts";

const NOTHING = { clusters: new Map(), listeners: new Map() };

/** A fleet of nothing, which never changes: what a control plane has that serves the reverse proxy alone. */
export function noFleet(): FleetSource {
  return {
    current: () => NOTHING,
    fault: () => undefined,
    subscribe: () => () => undefined,
    close: async () => undefined,
  };
}
