import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import { parseIstioClusterName } from "../../../xds/fleet/kubernetes/service-reference.ts";
import type { Check } from "../check.ts";
import type { Console } from "../console.ts";
import type { Finding } from "../finding.ts";
import { gatewaysOf, type HandOver, handOversOf } from "../hand-over.ts";
import { type Installation, podKey } from "../installation.ts";
import { listed, quoted, shortened } from "../mend.ts";
import type { EnvoyFilter, Service } from "../objects.ts";
import { readyForMs } from "../pod-state.ts";

export interface EnvoyFilterFacts {
  readonly installation: Installation;
  readonly handOvers: readonly HandOver[];
  readonly services: readonly Service[];
  /** Absent: they could not be read. */
  readonly consoles: readonly Pick<Console, "fleet">[] | undefined;
  readonly nowMs: number;
}

/** A gateway asks soon after it is ready. In ms. */
const PATIENCE_MS = 60_000;
const HOST = /^([^.]+)\.([^.]+)\.svc(?:\.|$)/;

/** EnvoyFilters that match nothing: wrong names, wrong ports, no pods; or that nothing comes of. */
export function judgeEnvoyFilters(facts: EnvoyFilterFacts): Finding[] {
  return facts.handOvers.flatMap((handOver) => faultOf(handOver, facts) ?? []);
}

function faultOf(handOver: HandOver, facts: EnvoyFilterFacts): Finding | undefined {
  const { filter, host, port, namespace, labels } = handOver;
  const common = { check: "envoy-filter", where: `EnvoyFilter ${filter}`, symptomOf: [`hand-over ${filter}`] };
  const edit = `kubectl edit envoyfilter ${filter.split("/")[1]} -n ${namespace}`;
  const workloads = gatewaysOf(handOver, facts.installation.workloads);
  if (workloads.length === 0)
    return {
      ...common,
      what: "an EnvoyFilter is for no gateway",
      seen: `no pods of ours in namespace ${namespace} have the labels ${JSON.stringify(labels)}`,
      mend: `${edit}    # spec.workloadSelector.labels: kubectl get pods -n ${namespace} --show-labels`,
    };
  const [, name, serviceNamespace] = HOST.exec(host ?? "") ?? [];
  if (name !== undefined) {
    const service = facts.services.find(
      ({ metadata }) => metadata.name === name && metadata.namespace === serviceNamespace,
    );
    const ports = (service?.spec?.ports ?? []).map((each) => each.port);
    if (service === undefined || (port !== undefined && !ports.includes(port)))
      return {
        ...common,
        what: "an EnvoyFilter matches no cluster",
        seen:
          service === undefined
            ? `it is for ${host}, and there is no Service ${serviceNamespace}/${name}`
            : `it is for port ${port}, and Service ${serviceNamespace}/${name} has ${ports.join(", ") || "none"}`,
        mend: `${edit}    # configPatches[].match.cluster: ${service === undefined ? "service" : `portNumber: ${ports[0] ?? "PORT"}`}`,
      };
  }
  const ready = workloads.flatMap(({ pods }) =>
    pods.filter((pod) => (readyForMs(pod, facts.nowMs) ?? 0) > PATIENCE_MS),
  );
  if (facts.consoles === undefined || facts.consoles.length === 0 || ready.length === 0) return undefined;
  const asked = facts.consoles.flatMap(({ fleet }) =>
    fleet.clusters.map((cluster) => parseIstioClusterName(cluster.name)),
  );
  const isAsked = asked.some(
    (reference) =>
      reference !== undefined &&
      (name === undefined || (reference.service === name && reference.namespace === serviceNamespace)) &&
      (port === undefined || reference.port === port),
  );
  if (isAsked) return undefined;
  const pod = ready[0]?.metadata.name;
  const xdsCluster = shortened(handOver.xdsCluster, 100);
  return {
    ...common,
    what: "no gateway asks the control plane for its endpoints",
    where: `EnvoyFilter ${filter}, ${listed(ready.map(podKey))}`,
    seen: `the pods are ready, and nobody has asked for ${host}:${port}`,
    mend: `istioctl proxy-config cluster ${pod} -n ${namespace} --fqdn ${quoted(host ?? "HOST")} -o json    # eds_config must name ${xdsCluster}; else istiod did not take the filter\nkubectl logs ${pod} -n ${namespace} -c istio-proxy --tail=50    # "gRPC config": why ${xdsCluster} does not answer`,
    symptomOf: [...common.symptomOf, "control plane", "istio", ...workloads.map(({ key }) => key), "xds cut"],
  };
}

export const envoyFilter: Check = {
  name: "envoy-filter",
  looksFor: "EnvoyFilters that match no cluster or no gateway",
  async run(look) {
    const [installation, filters, services] = await Promise.all([
      look.installation(),
      look.listIfServed<EnvoyFilter>(RESOURCES.envoyFilters),
      look.list<Service>(RESOURCES.services),
    ]);
    const handOvers = handOversOf(filters ?? []);
    const consoles = handOvers.length === 0 ? undefined : await look.consoles();
    return judgeEnvoyFilters({ installation, handOvers, services, consoles, nowMs: look.nowMs });
  },
};
