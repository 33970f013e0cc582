import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import type { Check } from "../check.ts";
import type { Finding } from "../finding.ts";
import type { Installation, Workload } from "../installation.ts";
import { shortened } from "../mend.ts";
import { type Event, eventTimeMs } from "../objects.ts";
import { conditionOf } from "../pod-state.ts";

export interface RefusedFacts {
  readonly installation: Installation;
  /** Of reason FailedCreate. */
  readonly events: readonly Event[];
  readonly nowMs: number;
}

/** An older event may be about what was mended since. In ms. */
const RECENT_MS = 15 * 60_000;

/** Pods that the API server does not take: Pod Security, quotas, webhooks. */
export function judgeRefused({ installation, events, nowMs }: RefusedFacts): Finding[] {
  const recent = events.filter((event) => nowMs - (eventTimeMs(event) ?? 0) <= RECENT_MS);
  const ofWorkloads = installation.workloads.flatMap((workload) => {
    const message = refusalOf(workload, recent);
    return message === undefined ? [] : [refused(workload.key, workload.namespace, message)];
  });
  const jobs = new Map<string, Finding>();
  for (const { regarding, note = "" } of recent) {
    const { kind, name = "", namespace = "default" } = regarding ?? {};
    const scaled = name.replace(/-[a-z0-9]+$/, "");
    if (kind === "Job" && name.startsWith("posture-"))
      jobs.set(`${namespace}/${scaled}`, refused(`Job ${namespace}/${name}`, namespace, note));
  }
  return [...ofWorkloads, ...jobs.values()];
}

/** What the controller was told: its condition says what is true now, an event only while replicas are missing. */
function refusalOf({ controller, name, namespace, pods }: Workload, events: readonly Event[]): string | undefined {
  const failure = conditionOf(controller?.status?.conditions, "ReplicaFailure");
  if (failure?.status === "True") return failure.message ?? failure.reason ?? "";
  if (controller === undefined || pods.length >= (controller.spec?.replicas ?? 1)) return undefined;
  return events.find(({ regarding }) => {
    if ((regarding?.namespace ?? "default") !== namespace || regarding?.name === undefined) return false;
    const isOwn = regarding.kind === "StatefulSet" && regarding.name === name;
    return isOwn || (regarding.kind === "ReplicaSet" && regarding.name.replace(/-[a-z0-9]+$/, "") === name);
  })?.note;
}

function refused(key: string, namespace: string, message: string): Finding {
  const security = message.includes("PodSecurity");
  const quota = message.includes("exceeded quota");
  const why = security ? "Pod Security does not allow them" : quota ? "a quota is used up" : "the API server says why";
  return {
    check: "refused-pods",
    what: `pods are refused: ${why}`,
    where: key,
    seen: shortened(message),
    mend: security
      ? `kubectl label namespace ${namespace} pod-security.kubernetes.io/enforce=${message.includes("restricted") ? "baseline" : "privileged"} --overwrite\n# or set in the pod template what the message asks for, as our manifests do`
      : quota
        ? `kubectl describe resourcequota -n ${namespace}    # raise it, or ask for less`
        : `kubectl get events -n ${namespace} --field-selector reason=FailedCreate    # and mend what it says`,
    explains: [key],
  };
}

export const refusedPods: Check = {
  name: "refused-pods",
  looksFor: "pods that Pod Security, a quota or a webhook refuses",
  async run(look) {
    const [installation, events] = await Promise.all([look.installation(), look.list<Event>(RESOURCES.events)]);
    const failed = events.filter(({ reason }) => reason === "FailedCreate");
    return judgeRefused({ installation, events: failed, nowMs: look.nowMs });
  },
};
