import type { KubeClient } from "../../../common/kubernetes/client.ts";
import type { KubeObject } from "../../../common/kubernetes/object.ts";
import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import { type Watched, watchAll } from "../../../common/kubernetes/watch.ts";
import { logger } from "../../../common/log.ts";
import type { ClusterNode } from "../../../xds/scaler/cluster.ts";
import { ANALYZER_SELECTOR, BUSY_LABEL, ELIGIBLE_LABEL, SCALED_JOB_LABEL, slotOf } from "../../../xds/scaler/names.ts";
import type { Ledger } from "./ledger.ts";
import { NAMESPACE } from "./names.ts";

/** An analyser's pod, with what a node needs to run it. */
export interface AnalyserPod extends KubeObject {
  readonly spec: {
    readonly nodeName?: string;
    readonly containers: readonly {
      readonly name: string;
      readonly args?: readonly string[];
      readonly env?: readonly {
        readonly name: string;
        readonly value?: string;
        readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath: string } };
      }[];
      readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
    }[];
    readonly volumes?: readonly {
      readonly name: string;
      readonly persistentVolumeClaim?: object;
      readonly secret?: { readonly secretName: string };
    }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly containerStatuses?: readonly {
      readonly containerID?: string;
      readonly state?: { readonly terminated?: { readonly exitCode: number } };
    }[];
  };
}

/** Follows analysers' pods and nodes, and has the ledger see every change. */
export async function watchJobs(
  client: KubeClient,
  ledger: Ledger,
  ends: AsyncDisposableStack,
): Promise<Watched<AnalyserPod>> {
  const log = logger("posture-e2e");
  const nodes = watchAll<ClusterNode>(client, { resource: RESOURCES.nodes }, { log });
  ends.defer(() => nodes.close());
  nodes.subscribe({ onChange: ({ object }) => ledger.seeNode(nodeSeen(object), performance.now()) });
  const selection = { resource: RESOURCES.pods, namespace: NAMESPACE };
  const pods = watchAll<AnalyserPod>(client, selection, { log, labelSelector: ANALYZER_SELECTOR });
  ends.defer(() => pods.close());
  pods.subscribe({
    onChange({ key, object: { metadata, spec, status } }) {
      const { name, labels } = metadata;
      const hasEnded = status?.phase === "Succeeded" || status?.phase === "Failed";
      const ended = hasEnded || !pods.objects.has(key);
      const seen = { name, job: labels?.[SCALED_JOB_LABEL] ?? "", node: spec.nodeName, ended };
      ledger.seePod(seen, performance.now());
    },
  });
  await Promise.all([nodes.whenSynced, pods.whenSynced]);
  return pods;
}

function nodeSeen({ metadata, spec, status }: ClusterNode) {
  const { name, labels = {} } = metadata;
  const isReady = status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
  const isTainted = spec?.taints?.some(({ effect }) => effect !== "PreferNoSchedule") ?? false;
  const eligible = labels[ELIGIBLE_LABEL] === "true" && isReady && !isTainted;
  return {
    name,
    eligible,
    open: eligible && labels[BUSY_LABEL] !== "true",
    slot: slotOf(labels) ?? Number.POSITIVE_INFINITY,
  };
}
