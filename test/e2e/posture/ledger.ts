/** What is seen of an analyser's pod at one moment. */
export interface PodSeen {
  readonly name: string;
  /** Its ScaledJob. */
  readonly job: string;
  /** Undefined while the scheduler has not placed it. */
  readonly node: string | undefined;
  /** It has ended, or was deleted. */
  readonly ended: boolean;
}

/** What is seen of a node at one moment. */
export interface NodeSeen {
  readonly name: string;
  /** Eligible, and takes pods. */
  readonly eligible: boolean;
  /** Jobs may start on it: eligible, and not marked as busy. */
  readonly open: boolean;
  readonly slot: number;
}

interface Pod extends PodSeen {
  readonly firstMs: number;
}

interface Node extends NodeSeen {
  /** Since when it is open, or closed. */
  readonly sinceMs: number;
  /** When it was seen to be eligible last. */
  readonly eligibleMs: number;
  /** When a job on it ended last. */
  readonly leftMs: number;
}

/** Where a job was placed. */
export interface Placement {
  readonly atMs: number;
  readonly pod: string;
  readonly job: string;
  readonly node: string;
}

/**
 * What is one moment for whoever decides, in ms: scaler, scheduler and this ledger hear of a change one after the other, and
 * KEDA takes a moment from a yes to a pod.
 */
const MOMENT_MS = 5000;
/**
 * A job that was started for a free node is on it after this time, in ms. The controller takes the mark of a busy node away
 * when it next looks (every 5 s), and the scheduler tries a pod that found no node again after some seconds.
 */
const PLACED_MS = 15_000;

/**
 * Keeps book of analysers' jobs and nodes, and judges each job's start: never more jobs than eligible nodes, each at once on a
 * node that is not busy (so it was free), never two on one node, always on the best slot that is free.
 */
export class Ledger {
  readonly placements: Placement[] = [];
  readonly #faults: string[] = [];
  /** Placed on a node that was closed for all that was heard: news of nodes and of pods come by ways of their own. */
  #suspects: readonly { readonly node: string; readonly atMs: number; readonly fault: string }[] = [];
  readonly #pods = new Map<string, Pod>();
  readonly #nodes = new Map<string, Node>();
  #mostAtOnce = 0;
  #longestWaitMs = 0;

  /** What was wrong. */
  get faults(): readonly string[] {
    return [...this.#faults, ...this.#suspects.map(({ fault }) => fault)];
  }

  /** Most jobs that there were at once. */
  get mostAtOnce(): number {
    return this.#mostAtOnce;
  }

  /** The longest time between a pod's creation and its place on a node, in ms. */
  get longestWaitMs(): number {
    return this.#longestWaitMs;
  }

  /** Pods that have not ended. */
  live(): readonly PodSeen[] {
    return [...this.#pods.values()].filter(({ ended }) => !ended);
  }

  /** How many pods there ever were. */
  get started(): number {
    return this.#pods.size;
  }

  seePod(seen: PodSeen, nowMs: number): void {
    const before = this.#pods.get(seen.name);
    this.#pods.set(seen.name, { ...seen, firstMs: before?.firstMs ?? nowMs });
    if (before === undefined && !seen.ended) this.#judgeCount(seen, nowMs);
    if (seen.node === undefined) return;
    if (before?.node === undefined && !(before === undefined && seen.ended)) this.#place(seen, seen.node, nowMs);
    const node = this.#nodes.get(seen.node);
    if (seen.ended && before?.ended === false && node !== undefined)
      this.#nodes.set(seen.node, { ...node, leftMs: nowMs });
  }

  seeNode(seen: NodeSeen, nowMs: number): void {
    const before = this.#nodes.get(seen.name);
    const sinceMs = before !== undefined && before.open === seen.open ? before.sinceMs : nowMs;
    if (seen.open)
      this.#suspects = this.#suspects.filter(({ node, atMs }) => node !== seen.name || nowMs - atMs > MOMENT_MS);
    const never = Number.NEGATIVE_INFINITY;
    // One that is no more eligible was it until now.
    const eligibleMs = seen.eligible || before?.eligible === true ? nowMs : (before?.eligibleMs ?? never);
    this.#nodes.set(seen.name, { ...seen, sinceMs, eligibleMs, leftMs: before?.leftMs ?? never });
  }

  #judgeCount(pod: PodSeen, nowMs: number): void {
    const live = this.live();
    this.#mostAtOnce = Math.max(this.#mostAtOnce, live.length);
    const taken = new Set(live.flatMap(({ name, node }) => (name === pod.name ? [] : [node])));
    const isPossible = ({ name, eligible, eligibleMs }: Node) =>
      eligible || nowMs - eligibleMs < MOMENT_MS || taken.has(name);
    const possible = [...this.#nodes.values()].filter(isPossible).length;
    if (live.length > possible)
      this.#faults.push(`${pod.name} is job number ${live.length} at once, with ${possible} eligible nodes`);
  }

  #place({ name, job }: PodSeen, nodeName: string, nowMs: number): void {
    this.placements.push({ atMs: nowMs, pod: name, job, node: nodeName });
    const waitMs = nowMs - (this.#pods.get(name)?.firstMs ?? nowMs);
    this.#longestWaitMs = Math.max(this.#longestWaitMs, waitMs);
    if (waitMs > PLACED_MS) this.#faults.push(`${name} had no node for ${(waitMs / 1000).toFixed(0)} s`);
    const others = this.live().filter((other) => other.node === nodeName && other.name !== name);
    if (others.length > 0) this.#faults.push(`${name} was placed on ${nodeName}, where ${others[0]?.name} runs`);
    const node = this.#nodes.get(nodeName);
    if (node === undefined || !wasOpen(node, nowMs)) {
      const fault = `${name} was placed on ${nodeName}, which was closed`;
      this.#suspects = [...this.#suspects, { node: nodeName, atMs: nowMs, fault }];
    }
    const better = [...this.#nodes.values()].find(
      (other) => other.slot < (node?.slot ?? 0) && this.#isLongFree(other, nowMs),
    );
    if (better !== undefined)
      this.#faults.push(`${name} was placed on ${nodeName} although ${better.name} with the better slot was free`);
  }

  #isLongFree({ name, open, sinceMs, leftMs }: Node, nowMs: number): boolean {
    const isTaken = this.live().some(({ node }) => node === name);
    return open && !isTaken && Math.max(sinceMs, leftMs) <= nowMs - MOMENT_MS;
  }
}

/** Open, or closed just now. */
function wasOpen({ open, sinceMs }: Node, nowMs: number): boolean {
  return open || nowMs - sinceMs < MOMENT_MS;
}
