import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import type { Accepted } from "./accepted.ts";

/** How long answers may take to reach their clients once all jobs have ended. */
const CLOSE_GRACE_MS = 5000;

/**
 * Waits for what has been accepted, ends the rest after `timeoutMs`, and closes the server. That nothing more is accepted
 * is the caller's matter.
 */
export async function finishAccepted(app: FastifyInstance, accepted: Accepted, timeoutMs: number): Promise<void> {
  const late = new AbortController();
  await Promise.race([accepted.empty(), sleep(timeoutMs, undefined, { signal: late.signal }).catch(() => {})]);
  late.abort();
  accepted.stop();
  await accepted.empty();
  // A connection whose answer is just leaving is not idle yet when the server closes.
  const idle = setInterval(() => app.server.closeIdleConnections(), 50);
  const stuck = setTimeout(() => app.server.closeAllConnections(), CLOSE_GRACE_MS);
  await app.close();
  clearInterval(idle);
  clearTimeout(stuck);
}
