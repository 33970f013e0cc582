import { parentPort, workerData } from "node:worker_threads";
import { describeError } from "../../../common/errors.ts";
import { loadEstimator } from "../estimate/load.ts";
import { analyse } from "./analyse.ts";
import type { Answer, Order, WorkerSettings } from "./protocol.ts";

const port = parentPort;
if (port === null) throw new Error("thread.ts is the body of a worker thread");
const { limits, model } = workerData as WorkerSettings;
const tell = (answer: Answer, transfer: ArrayBuffer[] = []) => port.postMessage(answer, transfer);

try {
  const estimator = await loadEstimator(model);
  port.on("message", async ({ id, image }: Order) => {
    const outcome = await analyse(image, estimator, limits);
    if (outcome.kind === "rejected") return tell({ kind: "done", id, outcome });
    // A copy of its own can be handed over; a Buffer may lie in a pool that others use.
    const annotated = new Uint8Array(outcome.annotated);
    tell({ kind: "done", id, outcome: { ...outcome, annotated } }, [annotated.buffer]);
  });
  tell({ kind: "ready", estimator: estimator.name });
} catch (error) {
  tell({ kind: "unfit", error: describeError(error) });
}
