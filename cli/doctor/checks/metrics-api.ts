import { hasCode } from "../../../common/kubernetes/failure.ts";
import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import type { Check } from "../check.ts";
import type { Finding } from "../finding.ts";
import type { Look } from "../look.ts";
import { listed, shortened } from "../mend.ts";
import type { Autoscaler } from "../objects.ts";
import { autoscalersOf } from "./autoscaler.ts";

export interface MetricsFacts {
  /** How the API answered. */
  readonly api:
    | { readonly state: "ok" }
    | { readonly state: "missing" }
    | { readonly state: "failing"; readonly message: string };
  /** Autoscalers of ours that go by CPU or memory, by `NAMESPACE/NAME`. */
  readonly autoscalers: readonly string[];
}

/** The metrics API is only missed by who needs it. */
export function judgeMetricsApi({ api, autoscalers }: MetricsFacts): Finding[] {
  if (api.state === "ok" || autoscalers.length === 0) return [];
  const missing = api.state === "missing";
  return [
    {
      check: "metrics-api",
      what: missing ? "the metrics API is missing" : "the metrics API does not answer",
      where: "APIService v1beta1.metrics.k8s.io",
      seen:
        api.state === "missing"
          ? `nothing serves metrics.k8s.io, which autoscalers go by: ${listed(autoscalers)}`
          : shortened(api.message),
      mend: missing
        ? "kubectl apply -k manifests/metrics-server    # on minikube: minikube addons enable metrics-server; on kind: manifests/metrics-server/overlays/local"
        : "kubectl describe apiservice v1beta1.metrics.k8s.io\nkubectl logs -n kube-system deployment/metrics-server --tail=20    # kubelets with certificates of their own: manifests/metrics-server/overlays/local",
      explains: ["metrics API"],
    },
  ];
}

export const metricsApi: Check = {
  name: "metrics-api",
  looksFor: "a metrics API that is missing or does not answer",
  async run(look) {
    const [installation, all] = await Promise.all([
      look.installation(),
      look.list<Autoscaler>(RESOURCES.horizontalPodAutoscalers),
    ]);
    const autoscalers = autoscalersOf(installation, all)
      .filter(({ autoscaler }) => autoscaler.spec?.metrics?.some(({ type }) => type?.endsWith("Resource")) !== false)
      .map(({ autoscaler: { metadata } }) => `${metadata.namespace}/${metadata.name}`);
    return judgeMetricsApi({ api: await readApi(look), autoscalers });
  },
};

async function readApi({ client }: Look): Promise<MetricsFacts["api"]> {
  try {
    // Its lists have no version, as those of stored objects have.
    await client.json({ verb: "list", target: { resource: RESOURCES.nodeMetrics } });
    return { state: "ok" };
  } catch (error) {
    if (hasCode(error, "EK_KUBE_API_MISSING")) return { state: "missing" };
    // The aggregator's 503, and what stands behind it.
    if (hasCode(error, "EK_KUBE_FAILED")) return { state: "failing", message: error.message };
    throw error;
  }
}
