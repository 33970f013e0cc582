import { setTimeout as sleep } from "node:timers/promises";
import { hasCode } from "../../common/kubernetes/failure.ts";

const ATTEMPTS = 5;
const PAUSE_MS = 1000;

/**
 * Tries again what the API server cannot do just now: the first request for a custom kind may meet a storage that is only
 * being made.
 * @throws what the last attempt threw, or what another attempt does not mend
 */
export async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1)
    try {
      return await work();
    } catch (error) {
      if (attempt === ATTEMPTS || !hasCode(error, "EK_KUBE_FAILED")) throw error;
      await sleep(PAUSE_MS);
    }
}
