import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import type { Check } from "../check.ts";
import type { Finding } from "../finding.ts";
import type { Installation, Workload } from "../installation.ts";
import { patchCommand, shortened } from "../mend.ts";
import { type Autoscaler, olderThan } from "../objects.ts";
import { conditionOf } from "../pod-state.ts";

/** How long figures of a new pod may take, in ms: metrics-server reads every 15 s and needs two readings, as the autoscaler does. */
const FIGURES_MS = 90_000;

export interface OwnAutoscaler {
  readonly autoscaler: Autoscaler;
  readonly workload: Workload;
}

/** The autoscalers of what is ours. */
export function autoscalersOf(installation: Installation, all: readonly Autoscaler[]): readonly OwnAutoscaler[] {
  return all.flatMap((autoscaler) => {
    const { kind, name } = autoscaler.spec?.scaleTargetRef ?? {};
    const key = `${kind} ${autoscaler.metadata.namespace ?? "default"}/${name}`;
    const workload = installation.workloads.find((each) => each.key === key);
    return workload === undefined ? [] : [{ autoscaler, workload }];
  });
}

/** Autoscalers that know no figures. One that has not been looked at yet, or whose pods are all new, is none of them. */
export function judgeAutoscalers(own: readonly OwnAutoscaler[], nowMs: number): Finding[] {
  return own.flatMap(({ autoscaler, workload }) => {
    const active = conditionOf(autoscaler.status?.conditions, "ScalingActive");
    if (active?.status !== "False" || active.reason === "ScalingDisabled") return [];
    const { name, namespace } = autoscaler.metadata;
    const message = active.message ?? "";
    // Not a symptom of a missing API: with it, this would still be so.
    const container = /missing request for \w+ in container ([\w-]+)/.exec(message)?.[1];
    const missing = message.includes("missing request for");
    if (!missing && isNew(workload, nowMs)) return [];
    return [
      {
        check: "autoscaler",
        what: `the autoscaler ${name} has no figures`,
        where: `HorizontalPodAutoscaler ${namespace}/${name}`,
        seen: shortened(`ScalingActive False, ${active.reason}: ${message}`),
        mend: missing
          ? patchCommand(workload.ref, requestPatch(container ?? firstContainer(workload)))
          : `kubectl get --raw /apis/metrics.k8s.io/v1beta1/namespaces/${namespace}/pods    # figures come about 30 s after a pod's start\nkubectl describe hpa ${name} -n ${namespace}`,
        symptomOf: missing ? [] : ["metrics API", workload.key],
      },
    ];
  });
}

function isNew({ pods }: Workload, nowMs: number): boolean {
  return pods.length > 0 && !pods.some(({ metadata }) => olderThan(metadata.creationTimestamp, FIGURES_MS, nowMs));
}

function firstContainer({ controller }: Workload): string {
  return controller?.spec?.template?.spec?.containers?.[0]?.name ?? "CONTAINER";
}

function requestPatch(name: string): object {
  return {
    spec: {
      template: { spec: { containers: [{ name, resources: { requests: { cpu: "100m", memory: "128Mi" } } }] } },
    },
  };
}

export const autoscaler: Check = {
  name: "autoscaler",
  looksFor: "autoscalers without figures",
  async run(look) {
    const [installation, all] = await Promise.all([
      look.installation(),
      look.list<Autoscaler>(RESOURCES.horizontalPodAutoscalers),
    ]);
    return judgeAutoscalers(autoscalersOf(installation, all), look.nowMs);
  },
};
