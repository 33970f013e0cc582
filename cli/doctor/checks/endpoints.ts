import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import { settle } from "../../../operator/proxyservice/resource.ts";
import type { Check } from "../check.ts";
import type { Finding } from "../finding.ts";
import type { Installation } from "../installation.ts";
import { listed, patchCommand } from "../mend.ts";
import type { EndpointSlice, Pod, Service } from "../objects.ts";
import { isLive, isReady } from "../pod-state.ts";
import { hasLabels } from "../selector.ts";
import { readyAddresses } from "../service-endpoints.ts";

export interface EndpointFacts {
  readonly installation: Installation;
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
  /** All pods, whoever's. */
  readonly pods: readonly Pod[];
}

/** Services of the earlier systems that clients or gateways go by. */
const NAMED = new Set(["proxy-workers", "proxy-master-svc", "posture-external-scaler", "reverse-proxy-service"]);

/** Services that have to lead somewhere and lead nowhere. */
export function judgeEndpoints({ installation, services, slices, pods }: EndpointFacts): Finding[] {
  const targets = new Set(
    installation.proxyServices.map(settle).map(({ namespace, target }) => `${namespace}/${target}`),
  );
  return services.flatMap((service) => {
    const { name, namespace = "default" } = service.metadata;
    const key = `${namespace}/${name}`;
    if (!NAMED.has(name) && !targets.has(key)) return [];
    if (service.spec?.type === "ExternalName" || readyAddresses(slices, namespace, name).length > 0) return [];
    return [faultOf(service, pods, installation)];
  });
}

function faultOf(service: Service, pods: readonly Pod[], { workloads }: Installation): Finding {
  const { name, namespace = "default" } = service.metadata;
  const selector = service.spec?.selector ?? {};
  const here = pods.filter((pod) => (pod.metadata.namespace ?? "default") === namespace && isLive(pod));
  const hasSelector = Object.keys(selector).length > 0;
  const selected = here.filter(({ metadata }) => hasSelector && hasLabels(selector, metadata.labels));
  const names = new Set(selected.map(({ metadata }) => metadata.name));
  const owners = workloads.filter((workload) => workload.pods.some((pod) => names.has(pod.metadata.name)));
  const common = {
    check: "endpoints",
    what: `Service ${name} leads to no pod`,
    where: `Service ${namespace}/${name}`,
    explains: [`Service ${namespace}/${name}`],
    symptomOf: owners.filter((workload) => workload.namespace === namespace).map(({ key }) => key),
  };
  const labels = Object.entries(selector).map(([label, value]) => `${label}=${value}`);
  if (selected.length === 0)
    return {
      ...common,
      seen: `no pod in namespace ${namespace} has the labels ${labels.join(",") || "of its selector, which is empty"}`,
      mend: `kubectl get pods -n ${namespace} --show-labels\n${patchCommand(`service/${name} -n ${namespace}`, { spec: { selector: { app: "NAME" } } })}    # or scale its Deployment up`,
      // A Deployment that makes no pods has none to be known by.
      symptomOf: workloads
        .filter(
          (each) =>
            hasSelector &&
            each.namespace === namespace &&
            hasLabels(selector, each.controller?.spec?.template?.metadata?.labels),
        )
        .map(({ key }) => key),
    };
  const unready = selected.filter((pod) => !isReady(pod)).map(({ metadata }) => metadata.name);
  return {
    ...common,
    seen:
      unready.length > 0
        ? `none of its ${selected.length} pods is ready: ${listed(unready)}`
        : "its pods are ready, and its ports name none of theirs",
    mend:
      unready.length > 0
        ? `kubectl describe pod ${unready[0]} -n ${namespace}    # what the readiness probe says`
        : `kubectl get service ${name} -n ${namespace} -o jsonpath='{.spec.ports}'    # targetPort must be a port, or a port's name, of the pods`,
  };
}

export const endpoints: Check = {
  name: "endpoints",
  looksFor: "target Services without endpoints",
  async run(look) {
    const [installation, services, slices, pods] = await Promise.all([
      look.installation(),
      look.list<Service>(RESOURCES.services),
      look.list<EndpointSlice>(RESOURCES.endpointSlices),
      look.list<Pod>(RESOURCES.pods),
    ]);
    return judgeEndpoints({ installation, services, slices, pods });
  },
};
