import type { Check } from "../check.ts";
import type { Finding } from "../finding.ts";
import { type Installation, ofRole, podKey } from "../installation.ts";
import { moreMemory } from "../memory.ts";
import { containerStatuses, startFaults } from "../pod-state.ts";

/** An end that is longer ago is not what somebody sees now. In ms. */
const RECENT_MS = 3_600_000;

/** Workers and Envoys of uploads that ended while uploads were under way: the client sees 502. */
export function judgeRestarts(installation: Installation, nowMs: number): Finding[] {
  return ofRole(installation, "worker", "front").flatMap(({ key, ref, pods, role, name }) => {
    const ended = pods.flatMap((pod) =>
      containerStatuses(pod).flatMap(({ name: container, lastState, restartCount = 0 }) => {
        const last = lastState?.terminated;
        const recent = last !== undefined && nowMs - Date.parse(last.finishedAt ?? "") < RECENT_MS;
        // A rollout ends containers by signal too, but in pods that do not come back.
        return recent && startFaults(pod).length === 0 ? [{ pod, container, last, restartCount }] : [];
      }),
    );
    const worst = ended.find(({ last }) => last.reason === "OOMKilled") ?? ended[0];
    if (worst === undefined) return [];
    const { pod, container, last, restartCount } = worst;
    const oom = last.reason === "OOMKilled";
    return [
      {
        check: "restarts",
        what: `${name} was restarted${oom ? " for want of memory" : ""}: uploads under way were answered with 502`,
        where: `${key}, container ${container} of ${podKey(pod)}`,
        seen: `${ended.length} of ${pods.length} pods; last end ${last.reason ?? "exit"} (code ${last.exitCode ?? "?"}) at ${last.finishedAt}, ${restartCount} restarts`,
        mend: oom
          ? `${moreMemory(ref, pod, container)}${role === "worker" ? `\nkubectl set env ${ref} -c ${container} EVENKEEL_WORKER_CONCURRENCY=1    # or fewer scripts at once` : ""}`
          : `kubectl logs ${pod.metadata.name} -n ${pod.metadata.namespace} -c ${container} --previous --tail=20`,
        symptomOf: [key],
      },
    ];
  });
}

export const restarts: Check = {
  name: "restarts",
  looksFor: "workers that were restarted under uploads (502)",
  run: async (look) => judgeRestarts(await look.installation(), look.nowMs),
};
