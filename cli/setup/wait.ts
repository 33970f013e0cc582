import { setTimeout as sleep } from "node:timers/promises";
import { EvenkeelError } from "../../common/errors.ts";
import type { Kubectl } from "./kubectl.ts";
import type { Progress } from "./progress.ts";
import {
  type DeploymentState,
  deploymentReadiness,
  type HpaState,
  hpaReadiness,
  type PodState,
  podTroubles,
} from "./readiness.ts";
import { throwIfStopped } from "./runner.ts";

export interface WaitOptions {
  readonly namespace: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Between two looks, in milliseconds. */
  readonly everyMs?: number;
}

/** Without news, a line all the same, so that a wait can be told from a hang. */
const STILL_MS = 15_000;

/**
 * Waits until the app is rolled out and its autoscaler has figures, and says how far it is.
 * @throws EvenkeelError EK_TIMEOUT with what the pods complain of; what kubectl says
 */
export async function waitUntilReady(kubectl: Kubectl, options: WaitOptions, note: Progress): Promise<void> {
  const begin = performance.now();
  const where = ["--namespace", options.namespace];
  const json = async <T>(what: readonly string[]): Promise<T> =>
    JSON.parse(await kubectl(["get", ...what, ...where, "-o", "json"])) as T;
  let last = { text: "", at: 0 };
  for (;;) {
    const deployment = deploymentReadiness(await json<DeploymentState>(["deployment", "fastapi-app"]));
    const hpa = hpaReadiness(await json<HpaState>(["hpa", "fastapi-hpa"]));
    const text = `${deployment.text}; ${hpa.text}`;
    const elapsed = performance.now() - begin;
    if (text !== last.text || elapsed - last.at >= STILL_MS) {
      note(`${Math.round(elapsed / 1000)} s  ${text}`);
      last = { text, at: elapsed };
    }
    if (deployment.ready && hpa.ready) return;
    if (elapsed > options.timeoutMs) {
      const pods = await json<{ items: PodState[] }>(["pods", "--selector", "app=fastapi-app"]);
      const troubles = podTroubles(pods.items);
      throw new EvenkeelError(
        "EK_TIMEOUT",
        `after ${options.timeoutMs / 1000} s: ${text}${troubles && `; ${troubles}`}`,
        {
          where: `context ${kubectl.context}, namespace ${options.namespace}`,
          next: deployment.ready
            ? `look at \`kubectl --context ${kubectl.context} --namespace kube-system get pods\` for metrics-server, then run setup again`
            : `look at \`kubectl --context ${kubectl.context} --namespace ${options.namespace} describe pods\`, then run setup again`,
        },
      );
    }
    await sleep(options.everyMs ?? 2000, undefined, { signal: options.signal }).catch(() => undefined);
    throwIfStopped(options.signal);
  }
}
