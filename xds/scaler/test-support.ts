import type { NodeView } from "./nodes.ts";
import type { Claimant } from "./release.ts";

/** A node as a release sees it; free unless told otherwise. */
export function node(name: string, slot: number | null, changes: Partial<NodeView> = {}): NodeView {
  const cpu = { utilisation: 0.2, source: "agent", ageMs: 100 };
  return { name, slot, eligible: true, cpu, jobs: [], state: "free", why: "", ...changes };
}

export const busy = {
  state: "busy",
  cpu: { utilisation: 0.9, source: "agent", ageMs: 0 },
  why: "its CPU is at 90 %",
} as const;
export const stale = { state: "stale", cpu: null, why: "its CPU is not known yet" } as const;
export const taken = { state: "taken", jobs: ["pod"], why: "pod runs on it" } as const;
export const closed = { state: "closed", eligible: false, why: "it has no label posture/eligible" } as const;

/** A trigger as a release sees it, with a queue of its own. */
export function claimant(key: string, changes: Partial<Claimant> = {}): Claimant {
  return { key, queue: key, threshold: 0.7, running: false, held: false, ...changes };
}
