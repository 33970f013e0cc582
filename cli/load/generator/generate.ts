import type { Figures } from "../../../k6/lib/summary.js";
import { keptConnections } from "./connections.ts";
import { type Answer, exchange, type LoadRequest } from "./exchange.ts";
import { type Model, plannedRequests, runModel } from "./models.ts";
import { type Display, failureLine, progressLine, ShownFailures } from "./report.ts";
import { Tally } from "./tally.ts";

const PROGRESS_MS = 1000;
/** Enough for the characters that are shown of a failure, whatever their bytes. */
const KEEP_BYTES = 1024;
const USER_AGENT = "evenkeel-load";

export interface Plan {
  readonly model: Model;
  /** The request with that number, from 0. All go to one scheme. */
  readonly request: (index: number) => LoadRequest;
  /** The statuses that are successes. */
  readonly accepted: ReadonlySet<number>;
  /** Time limit of one request. */
  readonly timeoutMs: number;
}

export interface Outcome {
  readonly figures: Figures;
  /** All that was planned was sent, and every request succeeded. */
  readonly passed: boolean;
}

/**
 * Sends a load and counts what comes of it.
 * @param signal ends it early: what is under way then is broken off and not counted
 */
export async function generate(plan: Plan, display: Display, signal: AbortSignal): Promise<Outcome> {
  const { model } = plan;
  const planned = plannedRequests(model);
  const tally = new Tally(plan.accepted);
  const failures = new ShownFailures();
  const atOnce = model.kind === "closed" ? model.concurrent : model.mostAtOnce;
  const agent = keptConnections(plan.request(0).url, atOnce);
  let inFlight = 0;

  const count = (request: LoadRequest, answer: Answer) => {
    if (tally.record(answer) || !failures.isShown(answer.status)) return;
    display.line(failureLine(request.method, request.url, answer));
  };
  const send = async (index: number) => {
    const request = plan.request(index);
    inFlight += 1;
    const headers = { "user-agent": USER_AGENT, ...request.headers };
    const answer = await exchange({ ...request, headers }, { agent, timeoutMs: plan.timeoutMs, keepBytes: KEEP_BYTES });
    inFlight -= 1;
    if (!signal.aborted) count(request, answer);
  };

  const startedMs = performance.now();
  let last = { atMs: startedMs, requests: 0 };
  const timer = setInterval(() => {
    const now = performance.now();
    const { requests, failed, notSent } = tally;
    const perSecond = ((requests - last.requests) * 1000) / (now - last.atMs);
    last = { atMs: now, requests };
    display.progress(
      progressLine({ elapsedMs: now - startedMs, requests, planned, failed, notSent, inFlight, perSecond }),
    );
  }, PROGRESS_MS);
  const breakOff = () => {
    display.line(`ended early: ${inFlight} requests were under way and are not counted`);
    agent.destroy();
  };
  signal.addEventListener("abort", breakOff, { once: true });
  try {
    await runModel(model, { send, skip: () => tally.countNotSent() }, signal);
  } finally {
    clearInterval(timer);
    signal.removeEventListener("abort", breakOff);
    agent.destroy();
    display.end();
  }
  const figures = tally.figures(performance.now() - startedMs);
  return { figures, passed: figures.successful === planned };
}
