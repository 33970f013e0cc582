import type { FleetSource } from "../fleet/fleet.ts";
import type { SignalTable } from "./table.ts";

/** Keeps the table from growing: endpoints that have left the fleet are forgotten at its next change. Returns the end. */
export function forgetDeparted(fleet: FleetSource, table: SignalTable): () => void {
  return fleet.subscribe(() => {
    const keys = new Set<string>();
    for (const cluster of fleet.current()?.clusters.values() ?? [])
      for (const endpoint of cluster.endpoints) keys.add(endpoint.key);
    table.retain(keys);
  });
}
