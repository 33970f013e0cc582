import { Worker } from "node:worker_threads";
import { EvenkeelError } from "../errors.ts";
import type { Answer } from "./protocol.ts";

/**
 * Does one piece of work in a thread of its own, so that this one goes on with its streams.
 * @param body the thread's file, which calls `answerApart`
 * @param order what the work is given; like its result it must be data (structured clone)
 * @param signal ends the thread
 * @throws EvenkeelError that the work threw; the signal's reason; Error when the thread died
 */
export async function runApart<Order, Result>(body: URL, order: Order, signal: AbortSignal): Promise<Result> {
  signal.throwIfAborted();
  // The parent's flags (a test runner's loader among them) are not for this one.
  const worker = new Worker(body, { execArgv: [], workerData: order });
  const onAbort = () => void worker.terminate();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const answer = await new Promise<Answer<Result>>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
      worker.once("exit", () => reject(new Error(`the thread ${body.pathname} ended without an answer`)));
    });
    if (answer.kind === "done") return answer.result;
    throw new EvenkeelError(answer.code, answer.what, {
      next: answer.next,
      ...(answer.where === undefined ? {} : { where: answer.where }),
    });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
