import { AGENT_PORT_ANNOTATION } from "../../../xds/fleet/kubernetes/objects.ts";
import type { CpuSource } from "../../../xds/signals/signal.ts";
import type { Check } from "../check.ts";
import type { Console } from "../console.ts";
import type { Finding } from "../finding.ts";
import { type Installation, podKey, type Workload } from "../installation.ts";
import { listed, shortened } from "../mend.ts";
import type { Pod } from "../objects.ts";
import { readyForMs } from "../pod-state.ts";

export interface SignalFacts {
  readonly consoles: readonly Pick<Console, "where" | "fleet">[];
  readonly installation: Installation;
  readonly nowMs: number;
}

/** An endpoint without a good figure. */
interface Poor {
  readonly key: string;
  readonly pod: Pod | undefined;
  readonly workload: Workload | undefined;
  readonly seen: string;
}

/** Older than this is no figure of now, in ms: some intervals of each source. */
export const STALE_MS: Readonly<Record<CpuSource, number>> = {
  agent: 5000,
  kubelet: 60_000,
  "metrics-api": 150_000,
  prometheus: 300_000,
};
/** A pod may take so long until its first figure, in ms. */
const PATIENCE_MS = 90_000;

/** Endpoints whose CPU nobody tells, tells late, or tells another way than it is meant to. */
export function judgeSignals({ consoles, installation, nowMs }: SignalFacts): Finding[] {
  const known = podsByAddress(installation);
  const kinds = { missing: new Map<string, Poor>(), stale: new Map<string, Poor>(), agent: new Map<string, Poor>() };
  for (const { fleet } of consoles)
    for (const { key, state, cpu } of fleet.clusters.flatMap(({ endpoints }) => endpoints)) {
      const owner = known.get(addressOf(key));
      // A pod that has just come, or goes, has none.
      if (state === "draining" || (owner !== undefined && (readyForMs(owner.pod, nowMs) ?? 0) < PATIENCE_MS)) continue;
      const poor = (seen: string): Poor => ({ key, pod: owner?.pod, workload: owner?.workload, seen });
      if (cpu === undefined) kinds.missing.set(key, poor("no figure"));
      else if (cpu.ageMs > STALE_MS[cpu.source as CpuSource])
        kinds.stale.set(key, poor(`${Math.round(cpu.ageMs / 1000)} s old, from ${cpu.source}`));
      else if (cpu.source !== "agent" && agentPort(owner?.pod) !== undefined)
        kinds.agent.set(key, poor(`from ${cpu.source}, ${Math.round(cpu.ageMs / 1000)} s old`));
    }
  return [
    ...told(kinds.missing, "the CPU of some endpoints is not known, so that their weights stay equal"),
    ...told(kinds.stale, "the CPU figures of some endpoints are too old for weights"),
    ...told(kinds.agent, "the agents of some pods are not heard, and a slower source stands in"),
  ];
}

function told(found: ReadonlyMap<string, Poor>, what: string): Finding[] {
  const all = [...found.values()];
  const first = all[0];
  if (first === undefined) return [];
  const names = all.map(({ key, pod }) => (pod === undefined ? `endpoint ${key}` : podKey(pod)));
  return [
    {
      check: "signals",
      what,
      where: listed(names),
      seen: listed(all.map(({ key, seen }) => `${key}: ${seen}`)),
      mend: mendOf(first),
      symptomOf: [
        "CPU sources",
        ...all.flatMap(({ pod, workload }) => [
          ...(pod === undefined ? [] : [podKey(pod)]),
          ...(workload === undefined ? [] : [workload.key, `agent of ${workload.key}`]),
        ]),
      ],
    },
  ];
}

function mendOf({ pod, workload }: Poor): string {
  const port = agentPort(pod);
  if (pod !== undefined && port !== undefined)
    return `kubectl logs ${pod.metadata.name} -n ${pod.metadata.namespace} --all-containers --tail=20    # does the agent run, and listen on ${shortened(port, 20)}?`;
  const labelled = { spec: { template: { metadata: { labels: { "evenkeel.io/agent": "true" } } } } };
  const ref = workload?.controller === undefined ? "deployment/NAME -n NAMESPACE" : workload.ref;
  return `kubectl apply -k manifests/agent-injection\nkubectl patch ${ref} -p '${JSON.stringify(labelled)}'    # or give the control plane another source: docs/kubernetes.md`;
}

function agentPort(pod: Pod | undefined): string | undefined {
  return pod?.metadata.annotations?.[AGENT_PORT_ANNOTATION];
}

function addressOf(key: string): string {
  return key.slice(0, key.lastIndexOf(":")).replace(/^\[|\]$/g, "");
}

function podsByAddress({ workloads }: Installation): ReadonlyMap<string, { pod: Pod; workload: Workload }> {
  return new Map(
    workloads.flatMap((workload) =>
      workload.pods.flatMap((pod) => {
        const { podIP, podIPs = [] } = pod.status ?? {};
        return [podIP, ...podIPs.map(({ ip }) => ip)].flatMap((ip) =>
          ip === undefined ? [] : [[ip, { pod, workload }] as const],
        );
      }),
    ),
  );
}

export const signals: Check = {
  name: "signals",
  looksFor: "endpoints whose CPU is not known or known too late",
  async run(look) {
    const [consoles, installation] = await Promise.all([look.consoles(), look.installation()]);
    return judgeSignals({ consoles, installation, nowMs: look.nowMs });
  },
};
