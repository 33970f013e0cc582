import { type ErrorCode, EvenkeelError } from "../../common/errors.ts";
import { existing } from "./apply.ts";
import type { Cluster } from "./cluster.ts";
import type { Kubectl } from "./kubectl.ts";
import { buildManifests, isMarked, type KubeObject, marked } from "./objects.ts";

const API: KubeObject = {
  apiVersion: "apiregistration.k8s.io/v1",
  kind: "APIService",
  metadata: { name: "v1beta1.metrics.k8s.io" },
};

/** Failures of a question that say nothing about what was asked for. */
const NO_ANSWER: readonly ErrorCode[] = ["EK_KUBE_UNREACHABLE", "EK_KUBE_UNAUTHORISED", "EK_KUBE_CONFIG"];

/** The objects of metrics-server, when the cluster has no metrics API, or has setup's own that does not work yet. */
export async function metricsObjects(kubectl: Kubectl, cluster: Cluster): Promise<KubeObject[]> {
  // Whoever is known to the cluster may ask this; the APIService itself may be hidden from them.
  if (await answersMetrics(kubectl)) return [];
  const [api] = await existing(kubectl, [API]);
  if (api !== undefined && !isMarked(api)) return [];
  return metricsManifests(kubectl, cluster.isLocal);
}

/** @param isLocal the kubelets sign their own certificates */
export async function metricsManifests(kubectl: Kubectl, isLocal: boolean): Promise<KubeObject[]> {
  return marked(await buildManifests(kubectl, isLocal ? "metrics-server/overlays/local" : "metrics-server"));
}

async function answersMetrics(kubectl: Kubectl): Promise<boolean> {
  try {
    await kubectl(["get", "--raw", "/apis/metrics.k8s.io/v1beta1"]);
    return true;
  } catch (error) {
    if (error instanceof EvenkeelError && NO_ANSWER.includes(error.code)) throw error;
    return false;
  }
}
