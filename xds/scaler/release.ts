import { bySlot, freeNodes, type NodeView } from "./nodes.ts";

/** One of KEDA's triggers that asks for work, as {@link release} sees it. */
export interface Claimant {
  readonly key: string;
  /** Whose images it works on. Triggers of one queue share them. */
  readonly queue: string;
  /** A node with this utilisation or more is too busy for it. */
  readonly threshold: number;
  /** A job of it has a pod that has not ended. */
  readonly running: boolean;
  /** It was released a moment ago, and its pod is not seen yet. */
  readonly held: boolean;
}

export interface ReleaseState {
  /** In the order in which they are served. */
  readonly triggers: readonly Claimant[];
  readonly nodes: readonly NodeView[];
  /** Pods of analysers that have no node yet: each will take one. */
  readonly unplaced: number;
  /** Images that wait, by queue; undefined: they are not counted, and every free node gets a job. */
  readonly waiting: ReadonlyMap<string, number> | undefined;
}

export type Decision =
  /** A job may start; `node` is the one that is meant for it. */
  | { readonly active: true; readonly node: string }
  | { readonly active: false; readonly why: string }
  /** It depends on figures that are not known. */
  | { readonly active: undefined; readonly why: string };

/**
 * Which triggers are released: as many as images wait and nodes are free, no two for one image or one node, the first
 * triggers and the best slots first. What depends on a node whose CPU is not known is neither yes nor no.
 */
export function release(state: ReleaseState): ReadonlyMap<string, Decision> {
  const stale = state.nodes.filter((node) => node.state === "stale");
  const open = state.nodes.filter(isOpen);
  const known = share(state, open.toSorted(bySlot));
  const atBest = stale.length === 0 ? known : share(state, [...open, ...stale].toSorted(bySlot));
  return new Map(
    state.triggers.map((trigger): [string, Decision] => {
      const node = known.get(trigger.key);
      if (node !== undefined) return [trigger.key, { active: true, node }];
      if (atBest.has(trigger.key))
        return [
          trigger.key,
          { active: undefined, why: stale.map(({ name, why }) => `node ${name}: ${why}`).join("; ") },
        ];
      return [trigger.key, { active: false, why: whyNot(trigger, state) }];
    }),
  );
}

/** A node that is busy for the usual threshold may be free enough for a trigger with one of its own. */
function isOpen({ state }: NodeView): boolean {
  return state === "free" || state === "busy";
}

/** Gives each trigger in turn the first node that will do. @returns nodes by trigger */
function share(state: ReleaseState, candidates: readonly NodeView[]): ReadonlyMap<string, string> {
  const left = [...candidates];
  const images = new Map(state.waiting);
  const given = new Map<string, string>();
  const threshold = Math.max(0, ...state.triggers.map((trigger) => trigger.threshold));
  for (let pod = 0; pod < state.unplaced; pod += 1) take(left, threshold);
  // Whoever was told yes keeps it: their jobs may be starting right now.
  const inTurn = [...state.triggers.filter(({ held }) => held), ...state.triggers.filter(({ held }) => !held)];
  for (const trigger of inTurn) {
    if (trigger.running) continue;
    const waiting = state.waiting === undefined ? Infinity : (images.get(trigger.queue) ?? 0);
    if (waiting <= 0) continue;
    const node = take(left, trigger.threshold);
    if (node === undefined) continue;
    images.set(trigger.queue, waiting - 1);
    given.set(trigger.key, node.name);
  }
  return given;
}

/** Takes the first node out that is under the threshold; one whose CPU is not known counts as idle. */
function take(nodes: NodeView[], threshold: number): NodeView | undefined {
  const at = nodes.findIndex(({ state, cpu }) => state === "stale" || (cpu !== null && cpu.utilisation < threshold));
  return at === -1 ? undefined : nodes.splice(at, 1)[0];
}

function whyNot(trigger: Claimant, { waiting, nodes }: ReleaseState): string {
  if (trigger.running) return "a job of it runs";
  if (waiting !== undefined && (waiting.get(trigger.queue) ?? 0) === 0) return "no image waits";
  const eligible = nodes.filter((node) => node.eligible);
  if (eligible.length === 0) return "no node is eligible";
  if (freeNodes(nodes).length > 0) return "the free nodes or the waiting images are given to others";
  return `no node is free: ${eligible.map(({ name, why }) => `${name}: ${why}`).join("; ")}`;
}
