import { performance } from "node:perf_hooks";
import { parentPort } from "node:worker_threads";
import type { BurnOrder } from "./burn-protocol.ts";
import { Share } from "./share.ts";

/** One burn's turn, in milliseconds; orders are read when all have had theirs. */
const SLICE_MS = 2;

const port = parentPort;
if (port === null) throw new Error("burn-thread.ts is the body of a worker thread");

const share = new Share(() => performance.now());
let isTurning = false;

function turn(): void {
  for (const done of share.turn(SLICE_MS)) port?.postMessage(done);
  isTurning = !share.isIdle;
  if (isTurning) setImmediate(turn);
}

port.on("message", (order: BurnOrder) => {
  if (order.kind === "stop") return share.stop(order.id);
  share.start(order.id, order.durationMs);
  if (isTurning) return;
  isTurning = true;
  setImmediate(turn);
});
