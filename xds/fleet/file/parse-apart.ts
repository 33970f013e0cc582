import { Worker } from "node:worker_threads";
import { EvenkeelError } from "../../../common/errors.ts";
import type { FleetFile } from "./parse.ts";
import type { ParseAnswer, ParseOrder } from "./parse-protocol.ts";

const BODY = new URL("./parse-thread.ts", import.meta.url);

/**
 * Reads a fleet file's text as `parseFleetFile` does, in a thread of its own: 20 000 endpoints take seconds of CPU, in which
 * this thread goes on with its streams.
 * @param signal ends the thread
 * @throws EvenkeelError EK_FLEET_INVALID; the signal's reason; Error when the thread died
 */
export async function parseApart(text: string, path: string, signal: AbortSignal): Promise<FleetFile> {
  signal.throwIfAborted();
  const order: ParseOrder = { text, path };
  // The parent's flags (a test runner's loader among them) are not for this one.
  const worker = new Worker(BODY, { execArgv: [], workerData: order });
  const onAbort = () => void worker.terminate();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const answer = await new Promise<ParseAnswer>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
      worker.once("exit", () => reject(new Error("the thread that reads the fleet file ended")));
    });
    if (answer.kind === "read") return answer.file;
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
