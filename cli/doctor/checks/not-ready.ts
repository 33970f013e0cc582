import type { Check } from "../check.ts";
import type { Finding } from "../finding.ts";
import { type Installation, podKey, type Workload } from "../installation.ts";
import { shortened } from "../mend.ts";
import { olderThan } from "../objects.ts";
import { conditionOf, isReady } from "../pod-state.ts";

/** A rollout or a new replica is no fault until it has taken this long, in ms. */
const PATIENCE_MS = 90_000;

/** Workloads with replicas that are not ready, for no reason that another check knows better. */
export function judgeReadiness({ workloads }: Installation, nowMs: number): Finding[] {
  return workloads.flatMap((workload) => {
    const seen = trouble(workload, nowMs);
    if (seen === undefined) return [];
    const { key, ref, role, namespace, name } = workload;
    const unready = workload.pods.find((pod) => !isReady(pod));
    const pod = unready === undefined ? "" : `\nkubectl describe pod ${unready.metadata.name} -n ${namespace}`;
    return [
      {
        check: "not-ready",
        what: `${name} is not ready`,
        where: unready === undefined ? key : `${key}, ${podKey(unready)}`,
        seen,
        mend: `kubectl logs ${ref} --all-containers --tail=20${pod}`,
        symptomOf: [key, ...(role === "gateway" || role === "control-plane" ? ["istio"] : [])],
        explains: role === "control-plane" ? ["control plane"] : role === "operator" ? ["operator"] : [key],
      },
    ];
  });
}

function trouble({ controller, pods }: Workload, nowMs: number): string | undefined {
  if (controller === undefined) return undefined;
  const { spec, status } = controller;
  const wanted = spec?.replicas ?? 1;
  const progressing = conditionOf(status?.conditions, "Progressing");
  const counts = `${status?.readyReplicas ?? 0} of ${wanted} replicas are ready`;
  const waits = pods.flatMap((pod) => {
    const ready = conditionOf(pod.status?.conditions, "Ready");
    const since = ready?.lastTransitionTime ?? pod.metadata.creationTimestamp;
    return !isReady(pod) && olderThan(since, PATIENCE_MS, nowMs)
      ? [ready?.message ?? `phase ${pod.status?.phase}`]
      : [];
  });
  if (waits[0] !== undefined) return shortened(`${counts}: ${waits[0]}`);
  if (progressing?.status === "False") return shortened(`${counts}: ${progressing.message ?? progressing.reason}`);
  const available = conditionOf(status?.conditions, "Available");
  const since = available?.lastTransitionTime;
  return wanted > 0 && available?.status === "False" && olderThan(since, PATIENCE_MS, nowMs) ? counts : undefined;
}

export const notReady: Check = {
  name: "not-ready",
  looksFor: "parts whose replicas are not ready",
  run: async (look) => judgeReadiness(await look.installation(), look.nowMs),
};
