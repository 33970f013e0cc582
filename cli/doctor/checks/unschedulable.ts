import type { Check } from "../check.ts";
import type { Finding } from "../finding.ts";
import { type Installation, podKey } from "../installation.ts";
import { shortened } from "../mend.ts";
import { conditionOf } from "../pod-state.ts";

/** A node that is being added takes about this long, in ms. */
const PATIENCE_MS = 60_000;

/** One finding for each workload that no node has a place for. */
export function judgeUnschedulable({ workloads }: Installation, nowMs: number): Finding[] {
  return workloads.flatMap(({ key, ref, pods }) => {
    const waiting = pods.flatMap((pod) => {
      const scheduled = conditionOf(pod.status?.conditions, "PodScheduled");
      const since = Date.parse(scheduled?.lastTransitionTime ?? "");
      const stuck = scheduled?.status === "False" && scheduled.reason === "Unschedulable";
      return stuck && nowMs - since > PATIENCE_MS ? [{ pod, message: scheduled.message ?? "" }] : [];
    });
    const first = waiting[0];
    if (first === undefined) return [];
    return [
      {
        check: "unschedulable",
        what: "no node has a place for its pods",
        where: `${key}, ${podKey(first.pod)}${waiting.length > 1 ? ` and ${waiting.length - 1} more` : ""}`,
        seen: shortened(first.message),
        mend: first.message.includes("Insufficient")
          ? `kubectl set resources ${ref} --requests=cpu=50m,memory=64Mi    # ask for less, or add a node`
          : `kubectl get nodes --show-labels    # label or untaint a node as the pod wants it: kubectl describe pod ${first.pod.metadata.name} -n ${first.pod.metadata.namespace}`,
        explains: [key, podKey(first.pod)],
      },
    ];
  });
}

export const unschedulable: Check = {
  name: "unschedulable",
  looksFor: "pods that no node has a place for",
  run: async (look) => judgeUnschedulable(await look.installation(), look.nowMs),
};
