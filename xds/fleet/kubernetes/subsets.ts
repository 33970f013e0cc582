import type { DestinationRule } from "./objects.ts";
import type { ServiceReference } from "./service-reference.ts";

/**
 * The pod labels of a subset, as a DestinationRule declares them. The rules of the Service's own namespace come first, then
 * the oldest: Istio prefers those of the client's namespace, which a cluster's name does not tell.
 * @returns undefined when no rule declares it
 */
export function subsetLabels(
  reference: ServiceReference,
  rules: Iterable<DestinationRule>,
): Readonly<Record<string, string>> | undefined {
  const candidates = [...rules]
    .filter((rule) => matches(rule, reference))
    .sort((a, b) => rank(a, reference) - rank(b, reference) || older(a, b));
  for (const { spec } of candidates) {
    const subset = spec?.subsets?.find(({ name }) => name === reference.subset);
    if (subset !== undefined) return subset.labels ?? {};
  }
  return undefined;
}

function matches({ metadata, spec }: DestinationRule, { namespace, service }: ServiceReference): boolean {
  const host = spec?.host ?? "";
  const full = `${service}.${namespace}.svc.cluster.local`;
  if (host.startsWith("*")) return full.endsWith(host.slice(1));
  // A name without dots is of the rule's own namespace.
  const absolute = host.includes(".") ? host : `${host}.${metadata.namespace}`;
  return [full, `${service}.${namespace}.svc`, `${service}.${namespace}`].includes(absolute);
}

function rank({ metadata }: DestinationRule, { namespace }: ServiceReference): number {
  return metadata.namespace === namespace ? 0 : 1;
}

function older({ metadata: a }: DestinationRule, { metadata: b }: DestinationRule): number {
  const [left, right] = [a, b].map((meta) => `${meta.creationTimestamp ?? ""} ${meta.namespace}/${meta.name}`);
  return (left as string) < (right as string) ? -1 : 1;
}
