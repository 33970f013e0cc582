import { AGENT_PORT_ANNOTATION } from "../../../xds/fleet/kubernetes/objects.ts";
import type { Check } from "../check.ts";
import type { Finding } from "../finding.ts";
import { type Installation, podKey, type Workload } from "../installation.ts";
import { patchCommand } from "../mend.ts";
import type { Container, Pod } from "../objects.ts";
import { runningContainers } from "../pod-state.ts";
import { programOf, settingOf } from "../program.ts";

/** What the agent is told to measure; without any of these it looks around in its own container. */
const GIVEN = [
  ["pid", "EVENKEEL_AGENT_PID"],
  ["cgroup", "EVENKEEL_AGENT_CGROUP"],
] as const;
const DEFAULT_PORT = "9091";

/** Agents beside a worker that see only themselves, and agents that nobody asks. */
export function judgeAgents({ workloads }: Installation): Finding[] {
  return workloads.flatMap((workload) => {
    for (const pod of workload.pods) {
      const agent = runningContainers(pod.spec).find((container) => programOf(container) === "agent");
      const fault = agent === undefined ? undefined : faultOf(workload, pod, agent);
      // One pod tells for all of its template.
      if (fault !== undefined) return [fault];
    }
    return [];
  });
}

function faultOf(workload: Workload, pod: Pod, agent: Container): Finding | undefined {
  const common = { check: "agents", where: `${workload.key}, container ${agent.name} of ${podKey(pod)}` };
  const explains = [`agent of ${workload.key}`];
  const given = GIVEN.some(([flag, variable]) => settingOf(agent, flag, variable) !== undefined);
  const scope = settingOf(agent, "scope", "EVENKEEL_AGENT_SCOPE") ?? "auto";
  const shares = pod.spec?.shareProcessNamespace === true || pod.spec?.hostPID === true;
  const seesOnlyItself = !shares && !given && (scope === "auto" || scope === "visible");
  if (seesOnlyItself && runningContainers(pod.spec).length > 1)
    return {
      ...common,
      what: "an agent sees no process but its own",
      seen: "the pod's containers do not share their processes (shareProcessNamespace is not true)",
      mend: patchCommand(workload.ref, { spec: { template: { spec: { shareProcessNamespace: true } } } }),
      explains,
    };
  if (pod.metadata.annotations?.[AGENT_PORT_ANNOTATION] !== undefined) return undefined;
  const set = settingOf(agent, "orca-port", "EVENKEEL_ORCA_PORT") ?? DEFAULT_PORT;
  const port = /^\d+$/.test(set) ? set : "PORT";
  return {
    ...common,
    what: "nobody asks an agent",
    seen: `the pod lacks the annotation ${AGENT_PORT_ANNOTATION}, by which the control plane knows of it`,
    mend: patchCommand(workload.ref, {
      spec: { template: { metadata: { annotations: { [AGENT_PORT_ANNOTATION]: port } } } },
    }),
    explains,
  };
}

export const agents: Check = {
  name: "agents",
  looksFor: "agents that see only themselves, or that nobody asks",
  run: async (look) => judgeAgents(await look.installation()),
};
