import { setTimeout as sleep } from "node:timers/promises";

/** So many requests, so many at once: the next one waits for an answer. */
export interface ClosedModel {
  readonly kind: "closed";
  readonly total: number;
  readonly concurrent: number;
}

/** So many requests a second, however slow the answers. */
export interface OpenModel {
  readonly kind: "open";
  readonly perSecond: number;
  readonly durationMs: number;
  /** What is due while so many are under way is not sent. */
  readonly mostAtOnce: number;
}

export type Model = ClosedModel | OpenModel;

/** How many requests a model comes to. */
export function plannedRequests(model: Model): number {
  return model.kind === "closed" ? model.total : Math.floor((model.perSecond * model.durationMs) / 1000);
}

/** What a model calls. */
export interface Sender {
  /** Sends the request with that number, from 0; settles when it has its answer. Never rejects. */
  readonly send: (index: number) => Promise<void>;
  /** The request with that number is due, and is not sent. */
  readonly skip: (index: number) => void;
}

/** The open model's time; the real one by default. */
export interface Clock {
  /** In ms. */
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

const REAL_CLOCK: Clock = {
  now: () => performance.now(),
  async sleep(ms, signal) {
    try {
      await sleep(ms, undefined, { signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  },
};

/** Sends the model's requests; settles when the last one has its answer. An abort: sends no more. */
export async function runModel(model: Model, sender: Sender, signal: AbortSignal, clock = REAL_CLOCK): Promise<void> {
  if (model.kind === "closed") await runClosed(model, sender, signal);
  else await runOpen(model, sender, signal, clock);
}

async function runClosed(model: ClosedModel, { send }: Sender, signal: AbortSignal): Promise<void> {
  let next = 0;
  const user = async () => {
    while (next < model.total && !signal.aborted) {
      const index = next;
      next += 1;
      await send(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(model.concurrent, model.total) }, user));
}

/** How many requests of an open model are due `elapsedMs` after its begin; the first one at once. */
export function dueBy(elapsedMs: number, model: OpenModel): number {
  return Math.min(plannedRequests(model), Math.floor((elapsedMs * model.perSecond) / 1000) + 1);
}

async function runOpen(model: OpenModel, sender: Sender, signal: AbortSignal, clock: Clock): Promise<void> {
  const planned = plannedRequests(model);
  const running = new Set<Promise<void>>();
  const startedMs = clock.now();
  let next = 0;
  while (next < planned && !signal.aborted) {
    // When this process comes late, all that is due goes at once: an open model gives nothing back.
    for (const due = dueBy(clock.now() - startedMs, model); next < due; next += 1) {
      if (running.size >= model.mostAtOnce) {
        sender.skip(next);
        continue;
      }
      const request = sender.send(next).finally(() => running.delete(request));
      running.add(request);
    }
    const nextMs = next < planned ? (next * 1000) / model.perSecond : model.durationMs;
    // A timer of less than 1 ms is one of 1 ms.
    await clock.sleep(Math.max(1, startedMs + nextMs - clock.now()), signal);
  }
  await Promise.all(running);
}
