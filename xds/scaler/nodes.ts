import { ELIGIBLE_LABEL, slotOf } from "./names.ts";

/** What the cluster says of a node. */
export interface NodeFacts {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ready: boolean;
  readonly cordoned: boolean;
  /** The key of a taint that keeps new pods away. */
  readonly taint?: string;
}

/** CPU of a node over the last 30 s. */
export interface NodeUse {
  /** Used share of all its cores, 0 to 1. */
  readonly utilisation: number;
  readonly source: string;
  /** Since the end of what was measured, in ms. */
  readonly ageMs: number;
}

/** What one node is for posture jobs, and why. */
export interface NodeView {
  readonly name: string;
  readonly eligible: boolean;
  /** 1 to 10; null: none. */
  readonly slot: number | null;
  readonly cpu: NodeUse | null;
  /** Pods of analysers that are on it. */
  readonly jobs: readonly string[];
  /**
   * `closed`: not eligible or takes no pods; `taken`: a job is on it; `stale`: its CPU is not known; `busy`: it is above the
   * threshold; `free`: a job may start there.
   */
  readonly state: "closed" | "taken" | "stale" | "busy" | "free";
  /** Why it is not free; empty when it is. */
  readonly why: string;
}

export interface NodeRules {
  /** A node with this utilisation or more is busy. */
  readonly threshold: number;
  /** An older figure counts as none, in ms. */
  readonly maxAgeMs: number;
}

/** Judges one node. @param jobs names of the analysers' pods on it */
export function viewNode(
  facts: NodeFacts,
  use: NodeUse | undefined,
  jobs: readonly string[],
  rules: NodeRules,
): NodeView {
  const eligible = facts.labels[ELIGIBLE_LABEL] === "true";
  const common = { name: facts.name, eligible, slot: slotOf(facts.labels) ?? null, cpu: use ?? null, jobs };
  const closed = whyClosed(facts, eligible);
  if (closed !== undefined) return { ...common, state: "closed", why: closed };
  if (jobs.length > 0) return { ...common, state: "taken", why: `${jobs.join(", ")} runs on it` };
  return { ...common, ...judgeUse(use, rules) };
}

/** The same view when it is so much older. */
export function ageNode(view: NodeView, byMs: number, rules: NodeRules): NodeView {
  if (view.cpu === null) return view;
  const cpu = { ...view.cpu, ageMs: view.cpu.ageMs + byMs };
  const judged = view.state === "free" || view.state === "busy" ? judgeUse(cpu, rules) : {};
  return { ...view, cpu, ...judged };
}

/** Adds to nodes whose CPU is not known what is wrong with the sources. @param sourceFault asked only then; empty: nothing */
export function explainStale(views: readonly NodeView[], sourceFault: () => string): readonly NodeView[] {
  if (views.every(({ state }) => state !== "stale")) return views;
  const fault = sourceFault();
  return fault === ""
    ? views
    : views.map((view) => (view.state === "stale" ? { ...view, why: `${view.why} (${fault})` } : view));
}

/** Nodes in the order in which jobs are to go to them: by slot, those without one last. */
export function bySlot(a: NodeView, b: NodeView): number {
  return (a.slot ?? Infinity) - (b.slot ?? Infinity) || a.name.localeCompare(b.name) || 0;
}

/** The nodes that a job may start on now. */
export function freeNodes(views: readonly NodeView[]): readonly NodeView[] {
  return views.filter(({ state }) => state === "free").toSorted(bySlot);
}

function whyClosed({ labels, ready, cordoned, taint }: NodeFacts, eligible: boolean): string | undefined {
  if (!eligible) {
    const label = labels[ELIGIBLE_LABEL];
    return label === undefined ? `it has no label ${ELIGIBLE_LABEL}` : `its label ${ELIGIBLE_LABEL} is ${label}`;
  }
  if (!ready) return "it is not ready";
  if (cordoned) return "it is cordoned";
  return taint === undefined ? undefined : `it has the taint ${taint}`;
}

function judgeUse(use: NodeUse | undefined, { threshold, maxAgeMs }: NodeRules): Pick<NodeView, "state" | "why"> {
  if (use === undefined) return { state: "stale", why: "its CPU is not known yet" };
  if (use.ageMs > maxAgeMs)
    return { state: "stale", why: `its CPU figure (${use.source}) is ${Math.round(use.ageMs / 1000)} s old` };
  // Free is under the threshold, not at it.
  if (use.utilisation >= threshold)
    return { state: "busy", why: `its CPU is at ${percent(use.utilisation)}, the threshold is ${percent(threshold)}` };
  return { state: "free", why: "" };
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
