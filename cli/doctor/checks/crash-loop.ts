import type { Check } from "../check.ts";
import type { Finding } from "../finding.ts";
import { podKey, type Workload } from "../installation.ts";
import { moreMemory } from "../memory.ts";
import { shortened } from "../mend.ts";
import type { Pod, Terminated } from "../objects.ts";
import { containerStatuses, startFaults, type Waiting } from "../pod-state.ts";

/** A container that does not start, or ends again and again. */
export interface Crash {
  readonly workload: Pick<Workload, "key" | "ref" | "namespace">;
  readonly pod: Pod;
  readonly waiting: Waiting;
  readonly restarts: number;
  readonly last: Terminated | undefined;
  readonly lines: readonly string[];
}

export function judgeCrashes(crashes: readonly Crash[]): Finding[] {
  return crashes.map(({ workload, pod, waiting, restarts, last, lines }) => {
    const { container, reason, message } = waiting;
    const ended = last === undefined ? "" : `; last end: ${last.reason ?? "exit"} ${last.exitCode ?? ""}`.trimEnd();
    const log = lines.length === 0 ? "" : `\n${lines.map((line) => `  | ${shortened(line, 200)}`).join("\n")}`;
    const looping = reason === "CrashLoopBackOff";
    return {
      check: "crash-loop",
      what: looping ? `${workload.key} crashes again and again` : `${workload.key} cannot start`,
      where: `container ${container} of ${podKey(pod)}`,
      seen: `${shortened(`${reason}${looping ? `, ${restarts} restarts` : `: ${message}`}`)}${ended}${log}`,
      mend: mendOf(workload, pod, waiting, last, lines),
      explains: [workload.key, podKey(pod)],
    };
  });
}

/** Errors of ours end with their advice. */
const ADVICE = /Next: (.+?)\.?["}]*$/;

function mendOf(
  { ref, namespace }: Crash["workload"],
  pod: Pod,
  { container, reason }: Waiting,
  last: Terminated | undefined,
  lines: readonly string[],
): string {
  const { metadata } = pod;
  if (last?.reason === "OOMKilled") return moreMemory(ref, pod, container);
  if (reason === "CreateContainerConfigError")
    return `kubectl describe pod ${metadata.name} -n ${namespace}    # make the ConfigMap or Secret that it names`;
  const advice = lines.map((line) => ADVICE.exec(line)?.[1]).findLast((each) => each !== undefined);
  const look = `kubectl logs ${metadata.name} -n ${namespace} -c ${container} --previous`;
  // Whoever can write to that log must not write commands for who mends it.
  return advice === undefined
    ? `${look}    # and mend what it says`
    : `# its log says: ${shortened(advice, 200)}\n${look}`;
}

export const crashLoop: Check = {
  name: "crash-loop",
  looksFor: "containers that do not start or crash, with their last words",
  async run(look) {
    const { workloads } = await look.installation();
    const crashing = workloads.flatMap((workload) => {
      // One pod of a workload tells for its brothers.
      const found = workload.pods.flatMap((pod) => startFaults(pod).map((waiting) => ({ workload, pod, waiting })));
      return found.slice(0, 1);
    });
    const crashes = crashing.map(async ({ workload, pod, waiting }): Promise<Crash> => {
      const status = containerStatuses(pod).find(({ name }) => name === waiting.container);
      const lines = await look.lastLines(pod, waiting.container);
      const last = status?.lastState?.terminated;
      return { workload, pod, waiting, restarts: status?.restartCount ?? 0, last, lines };
    });
    return judgeCrashes(await Promise.all(crashes));
  },
};
