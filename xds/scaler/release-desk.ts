import { EvenkeelError } from "../../common/errors.ts";
import type { Capacity, CapacityView } from "./capacity.ts";
import { type Claimant, type Decision, release } from "./release.ts";
import { orderOf, type Trigger } from "./trigger.ts";
import { noSession, type WaitingImages } from "./waiting/waiting.ts";

export interface ReleaseDeskOptions {
  readonly capacity: Capacity;
  /** Undefined: images are not counted, every free node gets a job. */
  readonly waiting: Pick<WaitingImages, "count"> | undefined;
  readonly nowMs?: () => number;
}

/** A trigger, what was last decided of it, and how many images wait for it. */
export interface TriggerView {
  readonly trigger: string;
  readonly clientId: string;
  /** null: not counted, or not known. */
  readonly waiting: number | null;
  readonly state: "released" | "held back" | "unknown";
  /** Why it is not released, or the node that it is released for. */
  readonly detail: string;
}

/** A trigger that did not ask for this long (a job paused or deleted) takes no part any more, in ms. */
const PRESENT_MS = 60_000;
/** Between our yes and the pod in our watch lie KEDA, the job controller and the API server: this is ample. In ms. */
const HOLD_MS = 15_000;

interface Known {
  trigger: Trigger;
  askedMs: number;
  /** When it was last told yes; undefined: not since its last pod. */
  heldMs: number | undefined;
}

/**
 * Decides for all triggers together, whoever of them asks. Remembers who was told yes until their pods are seen, so that
 * no other is told yes for the same node or image meanwhile.
 */
export class ReleaseDesk {
  readonly #options: ReleaseDeskOptions;
  readonly #nowMs: () => number;
  readonly #known = new Map<string, Known>();

  constructor(options: ReleaseDeskOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /**
   * May a job of this trigger start?
   * @throws EvenkeelError EK_FIGURE_STALE, EK_QUEUE_UNREADABLE, EK_QUEUE_MISSING, EK_TIMEOUT: it is not known
   */
  async ask(trigger: Trigger): Promise<boolean> {
    const known = this.#known.get(trigger.key) ?? { trigger, askedMs: 0, heldMs: undefined };
    known.trigger = trigger;
    known.askedMs = this.#nowMs();
    this.#known.set(trigger.key, known);
    const { decisions, waiting, running } = await this.#decide();
    // No image and no session are different: with the second, images are lost.
    if (waiting?.has(trigger.clientId) === false && !running.has(trigger.key))
      throw noSession(trigger.clientId, trigger.topic);
    const decision = decisions.get(trigger.key);
    if (decision === undefined || decision.active === undefined)
      throw new EvenkeelError("EK_FIGURE_STALE", decision?.why ?? "it was forgotten", { where: trigger.key });
    if (decision.active) known.heldMs = this.#nowMs();
    return decision.active;
  }

  /** How it stands with every trigger that asks. @throws as {@link ask} */
  async view(): Promise<readonly TriggerView[]> {
    const { decisions, waiting } = await this.#decide();
    return this.#present().map(({ trigger: { key, clientId } }) => {
      const decision = decisions.get(key);
      const state =
        decision?.active === true ? "released" : decision?.active === false ? "held back" : ("unknown" as const);
      const detail = decision === undefined ? "" : decision.active === true ? decision.node : decision.why;
      return { trigger: key, clientId, waiting: waiting?.get(clientId) ?? null, state, detail };
    });
  }

  async #decide(): Promise<{
    readonly decisions: ReadonlyMap<string, Decision>;
    readonly waiting: ReadonlyMap<string, number> | undefined;
    readonly running: ReadonlySet<string>;
  }> {
    const view = await this.#options.capacity.look();
    const running = new Set(view.running);
    const waiting = await this.#options.waiting?.count(
      this.#present().map(({ trigger: { key, clientId, topic } }) => ({ clientId, topic, running: running.has(key) })),
    );
    return { decisions: this.#release(view, running, waiting), waiting, running };
  }

  #release(view: CapacityView, running: ReadonlySet<string>, waiting: ReadonlyMap<string, number> | undefined) {
    const triggers = this.#present().map((known): Claimant => {
      const { key, clientId, threshold } = known.trigger;
      // Its pod is seen: that one takes the node, not the promise.
      if (running.has(key)) known.heldMs = undefined;
      const held = known.heldMs !== undefined && this.#nowMs() - known.heldMs < HOLD_MS;
      return { key, queue: clientId, threshold, running: running.has(key), held };
    });
    return release({ triggers, nodes: view.nodes, unplaced: view.unplaced, waiting });
  }

  /** Those that take part, in the order in which they are served. */
  #present(): readonly Known[] {
    const nowMs = this.#nowMs();
    for (const [key, { askedMs }] of this.#known) if (nowMs - askedMs > PRESENT_MS) this.#known.delete(key);
    return [...this.#known.values()].toSorted(
      ({ trigger: a }, { trigger: b }) => orderOf(a.name) - orderOf(b.name) || a.key.localeCompare(b.key),
    );
  }
}
