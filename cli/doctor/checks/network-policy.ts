import { createHash } from "node:crypto";
import type { KubeObject } from "../../../common/kubernetes/object.ts";
import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import { AGENT_PORT_ANNOTATION } from "../../../xds/fleet/kubernetes/objects.ts";
import type { Check } from "../check.ts";
import type { Finding } from "../finding.ts";
import { gatewaysOf, type HandOver, handOversOf } from "../hand-over.ts";
import { type Installation, ofRole, podKey, type Workload } from "../installation.ts";
import { applyCommand } from "../mend.ts";
import type { EnvoyFilter, NetworkPolicy, Pod } from "../objects.ts";
import { cutBy, type Path } from "../policy.ts";
import { portOf, programOf, settingOf } from "../program.ts";
import { DOCTOR_RESOURCES } from "../resources.ts";

export interface PolicyFacts {
  readonly installation: Installation;
  readonly handOvers: readonly HandOver[];
  readonly policies: readonly NetworkPolicy[];
  readonly namespaces: readonly KubeObject[];
}

const XDS_PORT = 18000;

/** NetworkPolicies between Envoys and the control plane, and between it and the agents. */
export function judgePolicies(facts: PolicyFacts): Finding[] {
  const { installation, handOvers } = facts;
  const planes = ofRole(installation, "control-plane");
  const asking = handOvers.flatMap((handOver) => gatewaysOf(handOver, installation.workloads));
  const clients = new Set<Workload>([...ofRole(installation, "front"), ...asking]);
  const findings: Finding[] = [];
  for (const client of clients) {
    const from = client.pods[0];
    if (from === undefined) continue;
    const paths = planes
      .filter(isFor(client, planes))
      .flatMap(({ pods }) => pods.slice(0, 1).map((to) => ({ from, to, port: xdsPort(to) })));
    findings.push(
      ...cuts(paths, `${client.name} cannot reach the control plane (xDS)`, ["xds cut", client.key], facts),
    );
  }
  for (const { pods, key, name } of installation.workloads) {
    const to = pods.find(({ metadata }) => metadata.annotations?.[AGENT_PORT_ANNOTATION] !== undefined);
    const port = Number(to?.metadata.annotations?.[AGENT_PORT_ANNOTATION]);
    if (to === undefined || !(port > 0)) continue;
    const paths = planes.flatMap((plane) => plane.pods.slice(0, 1).map((from) => ({ from, to, port })));
    findings.push(...cuts(paths, `the control plane cannot reach the agents of ${name}`, [`agent of ${key}`], facts));
  }
  return findings;
}

/** The control planes that a client may mean: the one of the Service that it is told, else all. */
function isFor(client: Workload, planes: readonly Workload[]): (plane: Workload) => boolean {
  const container = client.pods[0]?.spec?.containers?.find((each) => programOf(each) === "envoy");
  const address = container === undefined ? undefined : settingOf(container, "xds", "EVENKEEL_XDS");
  const [, name, namespace = client.namespace] = /^([-a-z0-9]+)(?:\.([-a-z0-9]+))?[.:]/.exec(address ?? "") ?? [];
  const isNamed = (plane: Workload) => plane.name === name && plane.namespace === namespace;
  return planes.some(isNamed) ? isNamed : () => true;
}

/** @param paths the ways there are: while one of them is open, nothing is cut */
function cuts(paths: readonly Path[], what: string, explains: readonly string[], facts: PolicyFacts): Finding[] {
  const cut = paths.map((path) =>
    (["Ingress", "Egress"] as const).flatMap((side) => {
      const policies = cutBy(path, side, facts.policies, facts.namespaces);
      return policies.length === 0 ? [] : [cutFinding(path, side, policies, what, explains)];
    }),
  );
  return cut.every((findings) => findings.length > 0) ? (cut[0] ?? []) : [];
}

function cutFinding(
  path: Path,
  side: "Ingress" | "Egress",
  policies: readonly NetworkPolicy[],
  what: string,
  explains: readonly string[],
): Finding {
  const names = policies.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  return {
    check: "network-policy",
    what: `a NetworkPolicy cuts: ${what}`,
    where: `NetworkPolicy ${names.join(", ")}`,
    seen: `${side} of ${podKey(side === "Ingress" ? path.to : path.from)} allows no connection from ${podKey(path.from)} to port ${path.port} of ${podKey(path.to)}`,
    mend: applyCommand(allowance(path, side, policies[0] as NetworkPolicy)),
    explains,
  };
}

/** A policy beside the one that cuts, for the same pods. */
function allowance({ from, to, port }: Path, side: "Ingress" | "Egress", cutting: NetworkPolicy): object {
  const other = (side === "Ingress" ? from : to).metadata.namespace;
  const peer = { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": other } } };
  const ports = [{ protocol: "TCP", port }];
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: {
      name: `evenkeel-${shortName(cutting.metadata.name)}-${side.toLowerCase()}-${port}-${other}`,
      namespace: cutting.metadata.namespace,
    },
    spec: {
      podSelector: cutting.spec?.podSelector ?? {},
      policyTypes: [side],
      ...(side === "Ingress" ? { ingress: [{ from: [peer], ports }] } : { egress: [{ to: [peer], ports }] }),
    },
  };
}

/**
 * An allowance's name tells all that it is for, else two of one namespace would take each other's place. A policy's name may have
 * 253 characters, and the rest of it takes up to 90.
 */
function shortName(name: string): string {
  return name.length <= 160 ? name : createHash("sha256").update(name).digest("hex");
}

function xdsPort(pod: Pod): number {
  const containers = pod.spec?.containers ?? [];
  const container = containers.find((each) => programOf(each) === "control-plane") ?? containers[0];
  if (container === undefined) return XDS_PORT;
  const set = Number(settingOf(container, "xds-port", "EVENKEEL_XDS_PORT") ?? XDS_PORT);
  return portOf(container, ["xds", "grpc-xds"], set);
}

export const networkPolicy: Check = {
  name: "network-policy",
  looksFor: "NetworkPolicies that cut xDS or the agents",
  async run(look) {
    const [installation, filters, policies, namespaces] = await Promise.all([
      look.installation(),
      look.listIfServed<EnvoyFilter>(RESOURCES.envoyFilters),
      look.list<NetworkPolicy>(DOCTOR_RESOURCES.networkPolicies),
      look.list<KubeObject>(RESOURCES.namespaces),
    ]);
    return judgePolicies({ installation, handOvers: handOversOf(filters ?? []), policies, namespaces });
  },
};
