import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import type { Check } from "../check.ts";
import type { Finding } from "../finding.ts";
import { type Installation, ofRole } from "../installation.ts";

export interface InstalledFacts {
  readonly installation: Installation;
  /** Are ProxyServices a kind that the cluster knows? */
  readonly hasProxyServices: boolean;
  readonly systemNamespace: string;
}

/** What calls for a control plane. */
const WANT_CONTROL_PLANE = ["operator", "front", "worker"] as const;

export function judgeInstalled({ installation, hasProxyServices, systemNamespace }: InstalledFacts): Finding[] {
  const findings: Finding[] = [];
  const { workloads, proxyServices } = installation;
  const wanting = ofRole(installation, ...WANT_CONTROL_PLANE);
  const nothing = workloads.length === 0;
  if (ofRole(installation, "control-plane").length === 0 && (nothing || wanting.length > 0))
    findings.push({
      check: "installed",
      what: nothing ? "nothing of Evenkeel is installed" : "there is no control plane",
      where: `namespace ${systemNamespace}`,
      seen: nothing
        ? "no Deployment runs a program of Evenkeel"
        : `${wanting.map(({ key }) => key).join(", ")} ${wanting.length === 1 ? "is" : "are"} there, and nothing gives weights`,
      mend: `kubectl apply -k manifests/overlays/${hasProxyServices || nothing ? "istio" : "standalone"}`,
      explains: ["control plane"],
    });
  if (proxyServices.length > 0 && ofRole(installation, "operator").length === 0)
    findings.push({
      check: "installed",
      what: "there are ProxyServices and no operator",
      where: `namespace ${systemNamespace}`,
      seen: `nobody carries out ${proxyServices.length} ProxyService${proxyServices.length === 1 ? "" : "s"}`,
      mend: "kubectl apply -f manifests/operator/",
      explains: ["operator"],
    });
  const idle = [
    ...(nothing || wanting.length > 0 || proxyServices.length > 0 ? scaledAway(installation, "control-plane") : []),
    ...(proxyServices.length > 0 ? scaledAway(installation, "operator") : []),
  ];
  return [...findings, ...idle];
}

/** What has no replicas, by somebody's decision. */
function scaledAway(installation: Installation, role: "control-plane" | "operator"): Finding[] {
  const workloads = ofRole(installation, role);
  const first = workloads[0];
  if (first === undefined || workloads.some(({ controller }) => controller?.spec?.replicas !== 0)) return [];
  return [
    {
      check: "installed",
      what: `${first.name} is scaled to zero`,
      where: first.key,
      seen: "spec.replicas is 0",
      mend: `kubectl scale ${first.ref} --replicas=2`,
      explains: [role === "operator" ? "operator" : "control plane", first.key],
    },
  ];
}

export const installed: Check = {
  name: "installed",
  looksFor: "a control plane and an operator that are missing",
  async run(look) {
    const [installation, proxyServices] = await Promise.all([
      look.installation(),
      look.listIfServed(RESOURCES.proxyServices),
    ]);
    return judgeInstalled({
      installation,
      hasProxyServices: proxyServices !== undefined,
      systemNamespace: look.scope.systemNamespace,
    });
  },
};
