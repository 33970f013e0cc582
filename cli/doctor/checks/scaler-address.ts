import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import type { Check } from "../check.ts";
import type { Finding } from "../finding.ts";
import { type Installation, ofRole } from "../installation.ts";
import type { EndpointSlice, Scaled, Service } from "../objects.ts";
import { readyAddresses } from "../service-endpoints.ts";

export interface ScalerFacts {
  readonly installation: Installation;
  readonly scaled: readonly Scaled[];
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
  /** Those whose Services were listed; undefined: all. */
  readonly namespaces: ReadonlySet<string> | undefined;
}

/** External scalers that KEDA cannot reach: no such Service, another port, no pods. One finding for each address. */
export function judgeScalers({ installation, scaled, services, slices, namespaces }: ScalerFacts): Finding[] {
  const findings = new Map<string, Finding>();
  for (const each of scaled)
    for (const { type, metadata } of each.spec?.triggers ?? []) {
      const address = metadata?.scalerAddress;
      if (!type?.startsWith("external") || address === undefined || findings.has(address)) continue;
      const service = serviceOf(address);
      // A Service that was not looked for is not missing.
      if (service !== undefined && namespaces?.has(service.namespace) === false) continue;
      const seen = fault(address, services, slices);
      if (seen === undefined) continue;
      const { name, namespace } = each.metadata;
      findings.set(address, {
        check: "scaler-address",
        what: `KEDA cannot reach the external scaler ${address}`,
        where: `trigger of ${name} in namespace ${namespace}`,
        seen,
        mend:
          service === undefined
            ? `kubectl edit scaledjob ${name} -n ${namespace}    # scalerAddress: posture-external-scaler.posture.svc.cluster.local:8080`
            : `kubectl get service,endpointslices,pods -n ${service.namespace}\nkubectl rollout restart deployment/${service.name} -n ${service.namespace}`,
        explains: ["scaler"],
        symptomOf: [
          ...(service === undefined ? [] : [`Service ${service.namespace}/${service.name}`]),
          ...ofRole(installation, "scaler").map(({ key }) => key),
        ],
      });
    }
  return [...findings.values()];
}

function fault(address: string, services: readonly Service[], slices: readonly EndpointSlice[]): string | undefined {
  const reference = serviceOf(address);
  // An address outside of the cluster cannot be judged from here.
  if (reference === undefined) return /:\d+$/.test(address) ? undefined : "the address has no port";
  const { name, namespace, port } = reference;
  const service = services.find(({ metadata }) => metadata.name === name && metadata.namespace === namespace);
  if (service === undefined) return `there is no Service ${namespace}/${name}`;
  const ports = (service.spec?.ports ?? []).map((each) => each.port);
  if (!ports.includes(port)) return `Service ${namespace}/${name} has no port ${port}, only ${ports.join(", ")}`;
  return readyAddresses(slices, namespace, name).length === 0
    ? `Service ${namespace}/${name} has no ready endpoint`
    : undefined;
}

function serviceOf(address: string): { name: string; namespace: string; port: number } | undefined {
  const [, name, namespace, port] =
    /^([-a-z0-9]+)\.([-a-z0-9]+)(?:\.svc(?:\.[-a-z0-9.]+)?)?:(\d+)$/.exec(address) ?? [];
  return name === undefined || namespace === undefined ? undefined : { name, namespace, port: Number(port) };
}

export const scalerAddress: Check = {
  name: "scaler-address",
  looksFor: "external scalers that KEDA cannot reach",
  async run(look) {
    const [installation, jobs, objects, services, slices] = await Promise.all([
      look.installation(),
      look.listIfServed<Scaled>(RESOURCES.scaledJobs),
      look.listIfServed<Scaled>(RESOURCES.scaledObjects),
      look.list<Service>(RESOURCES.services),
      look.list<EndpointSlice>(RESOURCES.endpointSlices),
    ]);
    const scaled = [...(jobs ?? []), ...(objects ?? [])];
    return judgeScalers({ installation, scaled, services, slices, namespaces: look.namespaces });
  },
};
