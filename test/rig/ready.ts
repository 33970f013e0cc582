import { readFileSync } from "node:fs";
import { get } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { EvenkeelError } from "../../common/errors.ts";

export interface WaitOptions {
  readonly timeoutMs: number;
  readonly everyMs?: number;
  /** Where to look, for the error. */
  readonly where?: string;
  /** Throws when there is no point in waiting longer. */
  readonly giveUp?: () => void;
}

/**
 * Waits until a condition holds.
 * @param what what is awaited, for the error
 * @param condition is asked again and again; a throw counts as no, and its message is kept for the error
 * @throws EvenkeelError EK_TIMEOUT; whatever `giveUp` throws
 */
export async function waitUntil(
  what: string,
  condition: () => Promise<boolean> | boolean,
  options: WaitOptions,
): Promise<void> {
  const deadline = Date.now() + options.timeoutMs;
  let reason = "";
  while (Date.now() < deadline) {
    options.giveUp?.();
    try {
      if (await condition()) return;
      reason = "";
    } catch (error) {
      reason = `: ${(error as Error).message}`;
    }
    await sleep(options.everyMs ?? 250);
  }
  throw new EvenkeelError("EK_TIMEOUT", `${what} did not happen within ${options.timeoutMs / 1000} s${reason}`, {
    ...(options.where === undefined ? {} : { where: options.where }),
  });
}

/** Does an API server say at /readyz that it is ready? False also while nobody listens. */
export function isReady(url: string, caFile: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const request = get(`${url}/readyz`, { ca: readFileSync(caFile), agent: false, timeout: 2000 }, (response) => {
    response.resume();
    resolve(response.statusCode === 200);
  });
  request.on("timeout", () => request.destroy());
  request.on("error", () => resolve(false));
  return promise;
}
