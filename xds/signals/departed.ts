import type { FleetSource } from "../fleet/fleet.ts";
import type { SignalTable } from "./table.ts";

/**
 * Keeps the table from growing: it has entries for endpoints of the fleet alone, whatever clients tell. Those that have left
 * are forgotten at the fleet's next change. Returns the end.
 */
export function forgetDeparted(source: FleetSource, table: SignalTable): () => void {
  const retain = () => {
    const fleet = source.current();
    if (fleet === undefined) return;
    const keys = new Set<string>();
    for (const cluster of fleet.clusters.values()) for (const endpoint of cluster.endpoints) keys.add(endpoint.key);
    table.retain(keys);
  };
  retain();
  return source.subscribe(retain);
}
