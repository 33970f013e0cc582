import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import { bootstrapText } from "../../../operator/proxyservice/desired/bootstrap.ts";
import type { Check } from "../check.ts";
import type { Finding } from "../finding.ts";
import { gatewaysOf, type HandOver, handOversOf } from "../hand-over.ts";
import { type Installation, podKey, type Workload } from "../installation.ts";
import { applyCommand, listed, patchCommand } from "../mend.ts";
import { type ConfigMap, type EnvoyFilter, olderThan } from "../objects.ts";

export interface BootstrapFacts {
  readonly installation: Installation;
  readonly handOvers: readonly HandOver[];
  /** By `NAMESPACE/NAME`. */
  readonly configMaps: ReadonlyMap<string, ConfigMap>;
  readonly systemNamespace: string;
  readonly nowMs: number;
}

/** A rollout has new pods; while there is such a young one, the old ones are about to go. In ms. */
const ROLLOUT_MS = 120_000;

const ANNOTATION = "sidecar.istio.io/bootstrapOverride";
/** What gateways that mount the ConfigMap themselves use instead. */
const VARIABLE = "ISTIO_BOOTSTRAP_OVERRIDE";
const FILE = "custom_bootstrap.json";
const XDS_PORT = 18000;

/** Gateways that are to ask our control plane and do not know it: Envoy takes an xDS source from its bootstrap only. */
export function judgeBootstrap(facts: BootstrapFacts): Finding[] {
  const findings = new Map<string, Finding>();
  for (const handOver of facts.handOvers)
    for (const workload of gatewaysOf(handOver, facts.installation.workloads)) {
      const finding = findings.has(workload.key) ? undefined : faultOf(workload, handOver, facts);
      if (finding !== undefined) findings.set(workload.key, finding);
    }
  return [...findings.values()];
}

function faultOf(workload: Workload, handOver: HandOver, facts: BootstrapFacts): Finding | undefined {
  const template = workload.controller?.spec?.template ?? {};
  const containers = template.spec?.containers ?? workload.pods[0]?.spec?.containers ?? [];
  if (containers.some(({ env }) => env?.some(({ name }) => name === VARIABLE))) return undefined;
  const annotations = template.metadata?.annotations ?? workload.pods[0]?.metadata.annotations;
  const name = annotations?.[ANNOTATION];
  const make = (fault: Pick<Finding, "what" | "where" | "seen" | "mend">): Finding => ({
    check: "bootstrap",
    ...fault,
    explains: [workload.key, ...workload.pods.map(podKey), `hand-over ${handOver.filter}`],
  });
  const wanted = name ?? `${workload.name}-bootstrap`;
  const configMap = facts.configMaps.get(`${workload.namespace}/${wanted}`);
  if (name === undefined)
    return make({
      what: "a gateway's bootstrap does not name the control plane",
      where: `${workload.key}, pod template`,
      seen: `EnvoyFilter ${handOver.filter} sends it to the cluster ${handOver.xdsCluster}, and the annotation ${ANNOTATION} is missing`,
      mend: [
        ...(configMap === undefined ? [configMapCommand(workload.namespace, wanted, facts.systemNamespace)] : []),
        patchCommand(workload.ref, { spec: { template: { metadata: { annotations: { [ANNOTATION]: wanted } } } } }),
      ].join("\n"),
    });
  const text = configMap?.data?.[FILE];
  if (text === undefined || !namesCluster(text, handOver.xdsCluster))
    return make({
      what: "a gateway's bootstrap override is not there",
      where: `ConfigMap ${workload.namespace}/${name}, for ${workload.key}`,
      seen:
        configMap === undefined
          ? "the annotation names a ConfigMap that does not exist"
          : text === undefined
            ? `it lacks the key ${FILE}`
            : `its ${FILE} has no static cluster ${handOver.xdsCluster}`,
      mend: `${configMapCommand(workload.namespace, name, facts.systemNamespace)}\nkubectl rollout restart ${workload.ref}`,
    });
  const old = workload.pods.filter(({ metadata }) => metadata.annotations?.[ANNOTATION] !== name);
  const rolling = workload.pods.some(({ metadata }) => !olderThan(metadata.creationTimestamp, ROLLOUT_MS, facts.nowMs));
  if (old.length === 0 || rolling) return undefined;
  return make({
    what: "gateway pods were made before their bootstrap override",
    where: listed(old.map(podKey)),
    seen: `they lack the annotation ${ANNOTATION}: ${name} of their template`,
    mend: `kubectl rollout restart ${workload.ref}`,
  });
}

function namesCluster(text: string, cluster: string): boolean {
  try {
    const parsed = JSON.parse(text) as { static_resources?: { clusters?: { name?: string }[] } };
    return parsed.static_resources?.clusters?.some(({ name }) => name === cluster) === true;
  } catch {
    return false;
  }
}

/** As the operator makes it. */
function configMapCommand(namespace: string, name: string, systemNamespace: string): string {
  const access = {
    address: `evenkeel-control-plane.${systemNamespace}.svc.cluster.local`,
    port: XDS_PORT,
    identity: `spiffe://cluster.local/ns/${systemNamespace}/sa/evenkeel-control-plane`,
  };
  const data = { [FILE]: bootstrapText(access) };
  return applyCommand({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data });
}

export const bootstrap: Check = {
  name: "bootstrap",
  looksFor: "gateways whose bootstrap does not lead to the control plane",
  async run(look) {
    const [installation, filters] = await Promise.all([
      look.installation(),
      look.listIfServed<EnvoyFilter>(RESOURCES.envoyFilters),
    ]);
    const handOvers = handOversOf(filters ?? []);
    const configMaps = handOvers.length === 0 ? [] : await look.list<ConfigMap>(RESOURCES.configMaps);
    return judgeBootstrap({
      installation,
      handOvers,
      configMaps: new Map(configMaps.map((each) => [`${each.metadata.namespace}/${each.metadata.name}`, each])),
      systemNamespace: look.scope.systemNamespace,
      nowMs: look.nowMs,
    });
  },
};
