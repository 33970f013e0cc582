import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import type { Check } from "../check.ts";
import type { Finding } from "../finding.ts";
import type { EndpointSlice, Service } from "../objects.ts";
import { readyAddresses } from "../service-endpoints.ts";

export interface IstioFacts {
  /** Does anything here need a mesh: ProxyServices, or a control plane with a certificate of istiod's? */
  readonly wanted: boolean;
  /** Are its kinds served? */
  readonly served: boolean;
  /** istiod's Services, one for each revision, by name, with the addresses that are ready. */
  readonly istiods: readonly { readonly name: string; readonly ready: number }[];
  readonly istioNamespace: string;
}

export function judgeIstio({ wanted, served, istiods, istioNamespace }: IstioFacts): Finding[] {
  if (!wanted) return [];
  const common = { check: "istio", where: `namespace ${istioNamespace}`, explains: ["istio"] };
  if (!served)
    return [
      {
        ...common,
        what: "Istio is not installed",
        seen: "nothing serves networking.istio.io, and there are ProxyServices to be carried out",
        mend: "istioctl install --set profile=minimal",
      },
    ];
  if (istiods.length === 0)
    return [
      {
        ...common,
        what: "there is no istiod",
        seen: `its kinds are served, and namespace ${istioNamespace} has no Service istiod`,
        mend: "istioctl install --set profile=minimal    # or say where it is: evenkeel doctor --istio-namespace NAME",
      },
    ];
  return istiods.some(({ ready }) => ready > 0)
    ? []
    : [
        {
          ...common,
          what: "istiod is not ready",
          where: `Service ${istioNamespace}/${istiods[0]?.name}`,
          seen: "none of its pods is ready: gateways get no configuration and no certificates",
          mend: `kubectl rollout status deployment/istiod -n ${istioNamespace} --timeout=60s\nkubectl logs deployment/istiod -n ${istioNamespace} --tail=20`,
        },
      ];
}

export const istio: Check = {
  name: "istio",
  looksFor: "Istio missing, or istiod not ready",
  async run(look) {
    const [installation, gateways, services, slices] = await Promise.all([
      look.installation(),
      look.listIfServed(RESOURCES.gateways),
      look.list<Service>(RESOURCES.services),
      look.list<EndpointSlice>(RESOURCES.endpointSlices),
    ]);
    const { istioNamespace } = look.scope;
    const istiods = services.filter(
      ({ metadata }) => metadata.namespace === istioNamespace && /^istiod(-|$)/.test(metadata.name),
    );
    return judgeIstio({
      wanted: installation.proxyServices.length > 0,
      served: gateways !== undefined,
      istiods: istiods.map(({ metadata: { name } }) => ({
        name,
        ready: readyAddresses(slices, istioNamespace, name).length,
      })),
      istioNamespace,
    });
  },
};
