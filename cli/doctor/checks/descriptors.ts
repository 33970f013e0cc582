import type { Check } from "../check.ts";
import type { Finding } from "../finding.ts";
import { ofRole, podKey } from "../installation.ts";
import { type PodMetrics, readPodMetrics } from "../pod-metrics.ts";
import { sumOf } from "../prometheus-text.ts";

/** From this share on the next burst of connections fails. */
const NEAR = 0.8;

/** Processes that are near their limit of open files: new connections will fail. The fullest pod of each workload. */
export function judgeDescriptors(metrics: readonly PodMetrics[]): Finding[] {
  return [...Map.groupBy(metrics, ({ workload }) => workload)].flatMap(([workload, pods]) => {
    const used = pods.map(({ pod, text }) => ({
      pod,
      open: sumOf(text, "process_open_fds") ?? 0,
      max: sumOf(text, "process_max_fds") ?? Number.POSITIVE_INFINITY,
    }));
    const fullest = used.sort((a, b) => b.open / b.max - a.open / a.max)[0];
    if (fullest === undefined || fullest.open < NEAR * fullest.max) return [];
    return [
      {
        check: "descriptors",
        what: `${workload.name} is near its limit of open files`,
        where: `${workload.key}, ${podKey(fullest.pod)}`,
        seen: `${fullest.open} of ${fullest.max} are open; each connection takes one`,
        mend: `kubectl scale ${workload.ref} --replicas=${workload.pods.length * 2}    # at once; then, on node ${fullest.pod.spec?.nodeName ?? "of that pod"}:\nsudo systemctl edit containerd    # [Service] LimitNOFILE=1048576\nsudo systemctl restart containerd && kubectl rollout restart ${workload.ref}`,
      },
    ];
  });
}

export const descriptors: Check = {
  name: "descriptors",
  looksFor: "workers, gateways and control planes near their limit of open files",
  async run(look) {
    const workloads = ofRole(await look.installation(), "worker", "front", "gateway", "control-plane");
    return judgeDescriptors(await readPodMetrics(look, workloads));
  },
};
