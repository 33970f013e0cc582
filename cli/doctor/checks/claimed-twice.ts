import { type ProxyService, settle } from "../../../operator/proxyservice/resource.ts";
import type { Check } from "../check.ts";
import type { Finding } from "../finding.ts";

/** Services that two ProxyServices want: the older one has it. */
export function judgeClaims(proxyServices: readonly ProxyService[]): Finding[] {
  const byService = new Map<string, ProxyService[]>();
  for (const resource of proxyServices) {
    const { namespace, serviceName } = settle(resource);
    const key = `${namespace}/${serviceName}`;
    byService.set(key, [...(byService.get(key) ?? []), resource]);
  }
  return [...byService].flatMap(([service, claims]) => {
    if (claims.length < 2) return [];
    const [first, ...others] = [...claims].sort(byAge).map(({ metadata }) => metadata);
    const namespace = first?.namespace ?? "default";
    return [
      {
        check: "claimed-twice",
        what: `${claims.length} ProxyServices want the same Service`,
        where: `Service ${service}`,
        seen: `wanted by ${first?.name} (the oldest), ${others.map(({ name }) => name).join(", ")}`,
        mend: others.map(({ name }) => `kubectl delete proxyservice ${name} -n ${namespace}`).join("\n"),
        explains: others.map(({ name }) => `ProxyService ${namespace}/${name}`),
      },
    ];
  });
}

function byAge({ metadata: a }: ProxyService, { metadata: b }: ProxyService): number {
  const order = Date.parse(a.creationTimestamp ?? "") - Date.parse(b.creationTimestamp ?? "");
  return order || (a.name < b.name ? -1 : 1);
}

export const claimedTwice: Check = {
  name: "claimed-twice",
  looksFor: "Services that two ProxyServices want",
  run: async (look) => judgeClaims((await look.installation()).proxyServices),
};
