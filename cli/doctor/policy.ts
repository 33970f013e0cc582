import { BlockList, isIP } from "node:net";
import type { KubeObject } from "../../common/kubernetes/object.ts";
import type { NetworkPolicy, Pod, PolicyPeer, PolicyPort } from "./objects.ts";
import { runningContainers } from "./pod-state.ts";
import { selects } from "./selector.ts";

/** One connection between two pods, as NetworkPolicies see it. */
export interface Path {
  readonly from: Pod;
  readonly to: Pod;
  /** TCP port of the pod that is called. */
  readonly port: number;
}

/**
 * The policies of one side that cut a connection; none when it may pass. Policies add up: one that allows it is enough.
 * https://kubernetes.io/docs/concepts/services-networking/network-policies/
 */
export function cutBy(
  path: Path,
  side: "Ingress" | "Egress",
  policies: readonly NetworkPolicy[],
  namespaces: readonly KubeObject[],
): readonly NetworkPolicy[] {
  const [own, other] = side === "Ingress" ? [path.to, path.from] : [path.from, path.to];
  const applying = policies.filter(
    ({ metadata, spec }) =>
      metadata.namespace === own.metadata.namespace &&
      selects(spec?.podSelector ?? {}, own.metadata.labels) &&
      typesOf(spec).includes(side),
  );
  const allowed = applying.some((policy) =>
    rulesOf(policy, side).some(
      ({ peers, ports }) =>
        (peers.length === 0 || peers.some((peer) => isPeer(peer, other, policy, namespaces))) &&
        (ports.length === 0 || ports.some((port) => isPort(port, path))),
    ),
  );
  return allowed ? [] : applying;
}

function typesOf(spec: NetworkPolicy["spec"]): readonly string[] {
  return spec?.policyTypes ?? (spec?.egress === undefined ? ["Ingress"] : ["Ingress", "Egress"]);
}

function rulesOf({ spec }: NetworkPolicy, side: "Ingress" | "Egress") {
  return side === "Ingress"
    ? (spec?.ingress ?? []).map(({ from = [], ports = [] }) => ({ peers: from, ports }))
    : (spec?.egress ?? []).map(({ to = [], ports = [] }) => ({ peers: to, ports }));
}

function isPeer(peer: PolicyPeer, pod: Pod, policy: NetworkPolicy, namespaces: readonly KubeObject[]): boolean {
  const { ipBlock, namespaceSelector, podSelector } = peer;
  if (ipBlock !== undefined) {
    const address = pod.status?.podIP;
    if (address === undefined || !inBlock(ipBlock.cidr, address)) return false;
    return !(ipBlock.except ?? []).some((except) => inBlock(except, address));
  }
  const inNamespace =
    namespaceSelector === undefined
      ? pod.metadata.namespace === policy.metadata.namespace
      : selects(
          namespaceSelector,
          namespaces.find(({ metadata }) => metadata.name === pod.metadata.namespace)?.metadata.labels,
        );
  return inNamespace && (podSelector === undefined || selects(podSelector, pod.metadata.labels));
}

function isPort({ protocol = "TCP", port, endPort }: PolicyPort, path: Path): boolean {
  if (protocol !== "TCP") return false;
  if (port === undefined) return true;
  if (typeof port === "number") return path.port >= port && path.port <= (endPort ?? port);
  return runningContainers(path.to.spec).some(({ ports = [] }) =>
    ports.some((each) => each.name === port && each.containerPort === path.port),
  );
}

function inBlock(cidr: string, address: string): boolean {
  const [network = "", bits = ""] = cidr.split("/");
  if (isIP(network) === 0 || isIP(network) !== isIP(address)) return false;
  const family = isIP(network) === 6 ? "ipv6" : "ipv4";
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family);
  return list.check(address, family);
}
