import type { Check } from "../check.ts";
import type { Finding } from "../finding.ts";
import { ofRole, podKey } from "../installation.ts";
import { listed } from "../mend.ts";
import { type PodMetrics, readPodMetrics } from "../pod-metrics.ts";
import { programOf, settingOf } from "../program.ts";
import { sumOf } from "../prometheus-text.ts";

/** The worker's own default of --queue. */
const QUEUE = 16;
/** A queue is deep from this share of its bound on. */
const DEEP = 0.75;
/** So many of all uploads refused are too many. */
const REFUSED = 0.01;

/** Workers whose queues are near their bound, or that have refused uploads for it. */
export function judgeQueues(metrics: readonly PodMetrics[]): Finding[] {
  const byWorkload = Map.groupBy(metrics, ({ workload }) => workload);
  return [...byWorkload].flatMap(([workload, pods]) => {
    const bound = boundOf(pods[0]);
    const deep = pods.filter(({ text }) => (sumOf(text, "worker_jobs_queued") ?? 0) >= DEEP * bound);
    const refusing = pods.filter(({ text }) => refusedShare(text) > REFUSED);
    const troubled = new Set([...deep, ...refusing]);
    if (troubled.size === 0) return [];
    const figures = [...troubled].map(({ pod, text }) => {
      const refused = sumOf(text, "worker_rejected_total", { reason: "queue-full" }) ?? 0;
      return `${podKey(pod)}: ${sumOf(text, "worker_jobs_queued") ?? 0} of ${bound} places taken, ${refused} refused since its start`;
    });
    const deployment = `-n ${workload.namespace}`;
    return [
      {
        check: "queue",
        what: `the queues of ${workload.name} are ${deep.length > 0 ? "nearly full" : "too short"}: uploads wait, or are answered with 503`,
        where: `${workload.key}, ${troubled.size} of ${pods.length} pods that answered`,
        seen: listed(figures, 3),
        mend: `kubectl get hpa ${deployment}    # is it at its maximum?\nkubectl patch hpa proxy-worker-hpa ${deployment} --type merge -p '{"spec":{"maxReplicas":20}}'    # without an HPA: kubectl scale ${workload.ref} --replicas=${pods.length * 2}`,
        symptomOf: [workload.key],
      },
    ];
  });
}

function refusedShare(text: string): number {
  const refused = sumOf(text, "worker_rejected_total", { reason: "queue-full" }) ?? 0;
  const taken = sumOf(text, "worker_jobs_total") ?? 0;
  return refused === 0 ? 0 : refused / (refused + taken);
}

function boundOf(metrics: PodMetrics | undefined): number {
  const container = metrics?.pod.spec?.containers?.find((each) => programOf(each) === "worker");
  const set = container && settingOf(container, "queue", "EVENKEEL_WORKER_QUEUE");
  return Math.max(1, Number(set ?? QUEUE) || QUEUE);
}

export const queue: Check = {
  name: "queue",
  looksFor: "deep queues of workers, and uploads refused for them",
  run: async (look) => judgeQueues(await readPodMetrics(look, ofRole(await look.installation(), "worker"))),
};
