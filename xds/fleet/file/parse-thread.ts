import { parentPort, workerData } from "node:worker_threads";
import { EvenkeelError } from "../../../common/errors.ts";
import { parseFleetFile } from "./parse.ts";
import type { ParseAnswer, ParseOrder } from "./parse-protocol.ts";

const port = parentPort;
if (port === null) throw new Error("parse-thread.ts is the body of a worker thread");

port.postMessage(answer(workerData as ParseOrder));

function answer({ text, path }: ParseOrder): ParseAnswer {
  try {
    return { kind: "read", file: parseFleetFile(text, path) };
  } catch (error) {
    if (!(error instanceof EvenkeelError)) throw error;
    const { code, message: what, where, next } = error;
    return { kind: "invalid", code, what, where, next };
  }
}
