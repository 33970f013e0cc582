import type { ClusterNode } from "../../xds/scaler/cluster.ts";
import { BUSY_LABEL, ELIGIBLE_LABEL, SLOT_LABEL, SLOTS, slotOf } from "../../xds/scaler/names.ts";
import type { NodeView } from "../../xds/scaler/nodes.ts";

/** Annotation of a node whose slot the controller gave: it may take that back. */
export const SLOT_GIVEN_ANNOTATION = "evenkeel.io/posture-slot-given";

/** What is to be changed of a node's metadata; null removes. Empty: nothing. */
export interface NodeChange {
  readonly labels: Readonly<Record<string, string | null>>;
  readonly annotations: Readonly<Record<string, string | null>>;
}

/**
 * Which free slots go to which nodes: eligible nodes without a valid slot, by name, get the lowest that nobody has.
 * @returns slots by node name
 */
export function planSlots(nodes: Iterable<ClusterNode>): ReadonlyMap<string, number> {
  const eligible = [...nodes].filter(isEligible);
  const used = new Set(eligible.map(({ metadata }) => slotOf(metadata.labels)));
  const free = Array.from({ length: SLOTS }, (_, index) => index + 1).filter((slot) => !used.has(slot));
  const wanting = eligible
    .filter(({ metadata }) => slotOf(metadata.labels) === undefined)
    .map(({ metadata }) => metadata.name)
    .toSorted();
  return new Map(wanting.slice(0, free.length).map((name, index) => [name, free[index] as number]));
}

/**
 * What a node's labels are to become.
 * @param view what it is for posture jobs
 * @param slot one that is free and meant for it
 */
export function planNode(node: ClusterNode, view: NodeView, slot: number | undefined): NodeChange {
  const { labels = {}, annotations = {} } = node.metadata;
  const given = annotations[SLOT_GIVEN_ANNOTATION];
  const change = { labels: {} as Record<string, string | null>, annotations: {} as Record<string, string | null> };
  const busy = wantsBusyLabel(view, labels[BUSY_LABEL] === "true");
  if (busy && labels[BUSY_LABEL] !== "true") change.labels[BUSY_LABEL] = "true";
  if (!busy && labels[BUSY_LABEL] !== undefined) change.labels[BUSY_LABEL] = null;
  if (isEligible(node)) {
    if (slot !== undefined) {
      change.labels[SLOT_LABEL] = `slot-${slot}`;
      change.annotations[SLOT_GIVEN_ANNOTATION] = `slot-${slot}`;
    }
  } else if (given !== undefined) {
    // A slot that somebody has changed since is theirs.
    if (labels[SLOT_LABEL] === given) change.labels[SLOT_LABEL] = null;
    change.annotations[SLOT_GIVEN_ANNOTATION] = null;
  }
  return change;
}

/** Takes back everything that the controller ever set on a node. */
export function planRemoval(node: ClusterNode): NodeChange {
  const { labels = {}, annotations = {} } = node.metadata;
  const given = annotations[SLOT_GIVEN_ANNOTATION];
  return {
    labels: {
      ...(labels[BUSY_LABEL] !== undefined && { [BUSY_LABEL]: null }),
      ...(given !== undefined && labels[SLOT_LABEL] === given && { [SLOT_LABEL]: null }),
    },
    annotations: given === undefined ? {} : { [SLOT_GIVEN_ANNOTATION]: null },
  };
}

export function isEmpty({ labels, annotations }: NodeChange): boolean {
  return Object.keys(labels).length + Object.keys(annotations).length === 0;
}

/** In: a job may run there, or does. Out: it may not. */
export function isIn({ state }: NodeView): boolean {
  return state === "free" || state === "taken";
}

/** A node whose CPU is not known gets no job either. While a job runs, its own CPU must not change the label. */
function wantsBusyLabel({ eligible, state }: NodeView, is: boolean): boolean {
  if (!eligible) return false;
  if (state === "busy" || state === "stale") return true;
  return state === "free" ? false : is;
}

function isEligible({ metadata }: ClusterNode): boolean {
  return metadata.labels?.[ELIGIBLE_LABEL] === "true";
}
