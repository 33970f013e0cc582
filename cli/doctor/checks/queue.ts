import { setTimeout as sleep } from "node:timers/promises";
import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import type { Check } from "../check.ts";
import type { Finding } from "../finding.ts";
import { ofRole, podKey, type Workload } from "../installation.ts";
import { Look } from "../look.ts";
import { listed, patchCommand } from "../mend.ts";
import type { Autoscaler } from "../objects.ts";
import { type PodMetrics, readPodMetrics } from "../pod-metrics.ts";
import { programOf, settingOf } from "../program.ts";
import { sumOf } from "../prometheus-text.ts";
import { autoscalersOf, type OwnAutoscaler } from "./autoscaler.ts";

/** The worker's own default of --queue. */
const QUEUE = 16;
/** A queue is deep from this share of its bound on. */
const DEEP = 0.75;
/** So many of the uploads refused are too many. */
const REFUSED = 0.01;
/** Time between two readings, in ms. */
const APART_MS = 5000;

export interface QueueFacts {
  readonly metrics: readonly PodMetrics[];
  /** The same some seconds before: what was refused until then may be of a burst long ago. */
  readonly before: readonly PodMetrics[];
  readonly autoscalers: readonly OwnAutoscaler[];
}

/** Workers whose queues are near their bound, or that refuse uploads for it. */
export function judgeQueues({ metrics, before, autoscalers }: QueueFacts): Finding[] {
  const byWorkload = Map.groupBy(metrics, ({ workload }) => workload);
  const earlier = new Map(before.map(({ pod, text }) => [podKey(pod), text]));
  return [...byWorkload].flatMap(([workload, pods]) => {
    const bound = boundOf(pods[0]);
    const deep = pods.filter(({ text }) => (sumOf(text, "worker_jobs_queued") ?? 0) >= DEEP * bound);
    const refusing = pods.filter(({ pod, text }) => refusedShare(text, earlier.get(podKey(pod)) ?? text) > REFUSED);
    const troubled = new Set([...deep, ...refusing]);
    if (troubled.size === 0) return [];
    const figures = [...troubled].map(({ pod, text }) => {
      return `${podKey(pod)}: ${sumOf(text, "worker_jobs_queued") ?? 0} of ${bound} places taken, ${refusedOf(text)} refused since its start`;
    });
    return [
      {
        check: "queue",
        what: `the queues of ${workload.name} are ${deep.length > 0 ? "nearly full" : "too short"}: uploads wait, or are answered with 503`,
        where: `${workload.key}, ${troubled.size} of ${pods.length} pods that answered`,
        seen: listed(figures, 3),
        mend: mendOf(workload, autoscalers.find((each) => each.workload === workload)?.autoscaler),
        symptomOf: [workload.key],
      },
    ];
  });
}

/** More of what there is: whatever a cluster has already may be more than any figure of ours. */
function mendOf({ ref, namespace, controller, pods }: Workload, autoscaler: Autoscaler | undefined): string {
  const replicas = Math.max(controller?.spec?.replicas ?? 1, pods.length);
  if (autoscaler === undefined) return `kubectl scale ${ref} --replicas=${2 * replicas}`;
  const hpa = `${autoscaler.metadata.name} -n ${namespace}`;
  const maxReplicas = 2 * (autoscaler.spec?.maxReplicas ?? replicas);
  return `kubectl get hpa ${hpa}    # is it at its maximum?\n${patchCommand(`hpa ${hpa}`, { spec: { maxReplicas } }, "merge")}`;
}

function refusedOf(text: string): number {
  return sumOf(text, "worker_rejected_total", { reason: "queue-full" }) ?? 0;
}

/** Of the uploads that ended between two readings. */
function refusedShare(text: string, before: string): number {
  const refused = refusedOf(text) - refusedOf(before);
  const taken = (sumOf(text, "worker_jobs_total") ?? 0) - (sumOf(before, "worker_jobs_total") ?? 0);
  // A worker that was restarted meanwhile counts from nought.
  return refused <= 0 || taken < 0 ? 0 : refused / (refused + taken);
}

function boundOf(metrics: PodMetrics | undefined): number {
  const container = metrics?.pod.spec?.containers?.find((each) => programOf(each) === "worker");
  const set = container && settingOf(container, "queue", "EVENKEEL_WORKER_QUEUE");
  return Math.max(1, Number(set ?? QUEUE) || QUEUE);
}

export const queue: Check = {
  name: "queue",
  looksFor: "deep queues of workers, and uploads refused for them",
  async run(look) {
    const [installation, all] = await Promise.all([
      look.installation(),
      look.list<Autoscaler>(RESOURCES.horizontalPodAutoscalers),
    ]);
    const autoscalers = autoscalersOf(installation, all);
    const workers = ofRole(installation, "worker");
    const before = await readPodMetrics(look, workers);
    if (before.every(({ text }) => refusedOf(text) === 0)) return judgeQueues({ metrics: before, before, autoscalers });
    await sleep(APART_MS);
    // Another look: one reads each pod once.
    const metrics = await readPodMetrics(new Look(look.client, look.scope, look.apiAheadMs), workers);
    return judgeQueues({ metrics, before, autoscalers });
  },
};
