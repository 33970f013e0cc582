import { Agent, get } from "node:http";

/** A light and steady stream of GET requests: whether one is slow or not, the next comes in its time. */
export interface Trickle {
  /** Ends it. How many requests were answered with a 2xx, and how many were not. */
  stop(): { readonly answered: number; readonly failed: number };
}

const REQUEST_TIMEOUT_MS = 5000;
/** More than a light stream ever needs; a server that answers no more gets no more than these. */
const MOST_AT_ONCE = 16;

/** Starts one. */
export function startTrickle(url: string, requestsPerSecond: number): Trickle {
  const agent = new Agent({ keepAlive: true, maxSockets: MOST_AT_ONCE });
  let running = 0;
  let answered = 0;
  let failed = 0;
  const fail = () => {
    failed += 1;
  };
  const timer = setInterval(() => {
    if (running >= MOST_AT_ONCE) return fail();
    running += 1;
    const request = get(url, { agent, timeout: REQUEST_TIMEOUT_MS }, (response) => {
      response.resume();
      if (response.statusCode !== undefined && response.statusCode < 300) answered += 1;
      else fail();
    });
    request.on("timeout", () => request.destroy(new Error("no answer in time")));
    request.on("error", fail);
    request.on("close", () => {
      running -= 1;
    });
  }, 1000 / requestsPerSecond);
  return {
    stop() {
      clearInterval(timer);
      agent.destroy();
      return { answered, failed };
    },
  };
}
