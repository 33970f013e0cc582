import { parentPort, workerData } from "node:worker_threads";
import { EvenkeelError } from "../errors.ts";
import type { Answer } from "./protocol.ts";

/**
 * The body of a thread that `runApart` starts: does its one piece of work.
 * @param work what it throws besides EvenkeelError ends the thread
 */
export function answerApart<Order, Result>(work: (order: Order) => Result): void {
  if (parentPort === null) throw new Error("this file is the body of a worker thread");
  parentPort.postMessage(answerTo(work, workerData as Order));
}

function answerTo<Order, Result>(work: (order: Order) => Result, order: Order): Answer<Result> {
  try {
    return { kind: "done", result: work(order) };
  } catch (error) {
    if (!(error instanceof EvenkeelError)) throw error;
    const { code, message: what, where, next } = error;
    return { kind: "failed", code, what, where, next };
  }
}
