import { CPU_SOURCES, type CpuSource } from "../../../xds/signals/signal.ts";
import type { Check } from "../check.ts";
import type { Console } from "../console.ts";
import type { Finding } from "../finding.ts";
import { shortened } from "../mend.ts";
import { STALE_MS } from "./signals.ts";

const WHAT: Readonly<Record<string, string>> = {
  forbidden: "the control plane may not read",
  missing: "the control plane finds no",
  failing: "the control plane cannot read",
};
const NAMES: Readonly<Record<CpuSource, string>> = {
  agent: "agents",
  kubelet: "kubelet figures",
  "metrics-api": "metrics API",
  prometheus: "Prometheus",
};

const ELSE = 'see docs/kubernetes.md, "CPU figures"';
/** Kubelets sign their own certificates unless the cluster was set up otherwise. */
const OWN_CERTIFICATES =
  "helm upgrade evenkeel manifests/chart -n evenkeel --reuse-values --set controlPlane.kubeletAccess=direct-insecure" +
  "    # or =proxy, through the API server (takes nodes/proxy); without Helm: the control plane's argument --kubelet-access";

/**
 * Sources of CPU figures that are closed while endpoints want them: one that is refused or missing when any endpoint has
 * only a slower one, one that fails when an endpoint has none at all.
 */
export function judgeCpuSources(consoles: readonly Pick<Console, "where" | "fleet" | "sources">[]): Finding[] {
  const found = new Map<CpuSource, Finding>();
  for (const { where, fleet, sources } of consoles) {
    const endpoints = fleet.clusters.flatMap((cluster) => cluster.endpoints).filter(({ state }) => state === "ready");
    for (const { source, state, detail, next } of sources) {
      const what = WHAT[state];
      const wanted = endpoints.some(({ cpu }) => {
        if (cpu === undefined) return true;
        const used = cpu.source as CpuSource;
        const slower = CPU_SOURCES.indexOf(used) > CPU_SOURCES.indexOf(source);
        return state === "failing" ? cpu.ageMs > STALE_MS[used] : slower || cpu.ageMs > STALE_MS[used];
      });
      if (what === undefined || !wanted || found.has(source)) continue;
      found.set(source, {
        check: "cpu-sources",
        what: `${what} ${state === "missing" ? NAMES[source] : `the ${NAMES[source]}`}`,
        where,
        seen: shortened(detail),
        mend:
          source === "kubelet" && state === "failing" && /certificate/i.test(detail)
            ? OWN_CERTIFICATES
            : `# ${shortened(next) || ELSE}`,
        explains: ["CPU sources"],
        symptomOf: source === "metrics-api" ? ["metrics API"] : [],
      });
    }
  }
  return [...found.values()];
}

export const cpuSources: Check = {
  name: "cpu-sources",
  looksFor: "kubelet, metrics API or Prometheus closed to the control plane",
  run: async (look) => judgeCpuSources(await look.consoles()),
};
