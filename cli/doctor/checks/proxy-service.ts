import { conditionOf } from "../../../operator/proxyservice/conditions.ts";
import { type ProxyService, settle } from "../../../operator/proxyservice/resource.ts";
import type { Check } from "../check.ts";
import type { Finding } from "../finding.ts";
import { type Installation, ofRole } from "../installation.ts";
import { patchCommand, shortened } from "../mend.ts";
import { olderThan } from "../objects.ts";

/** The operator needs some time for a new one and for a takeover, in ms. */
const PATIENCE_MS = 120_000;

/** ProxyServices that are not ready, or without their weights, with what their conditions mean. */
export function judgeProxyServices(installation: Installation, nowMs: number): Finding[] {
  const keys = (role: "operator" | "control-plane") => ofRole(installation, role).map(({ key }) => key);
  const operator = ["operator", ...keys("operator")];
  return installation.proxyServices.flatMap((resource) => [
    ...unready(resource, operator, nowMs),
    ...unweighted(resource, ["control plane", ...keys("control-plane"), ...operator], nowMs),
  ]);
}

function unready(resource: ProxyService, operator: readonly string[], nowMs: number): Finding[] {
  const { metadata, status } = resource;
  const settled = settle(resource);
  const key = `ProxyService ${settled.namespace}/${metadata.name}`;
  const gateway = `Deployment ${settled.namespace}/${metadata.name}`;
  const common = { check: "proxy-service", where: key, symptomOf: [key, gateway, "istio", ...operator] };
  const ready = conditionOf(status?.conditions, "Ready");
  if (ready === undefined)
    return olderThan(metadata.creationTimestamp, PATIENCE_MS, nowMs)
      ? [
          {
            ...common,
            what: `nobody carries out the ProxyService ${metadata.name}`,
            seen: "it has no status",
            mend: "kubectl logs deployment/proxy-service-operator -n evenkeel --tail=20    # does it look after this namespace?",
          },
        ]
      : [];
  // Reasons that stay until somebody acts are told at once; states on the way only when they last.
  if (ready.status === "True" || ready.reason === "Deleting") return [];
  const advice = ADVICE[ready.reason];
  if (advice === undefined && !olderThan(ready.lastTransitionTime, PATIENCE_MS, nowMs)) return [];
  const names = {
    name: metadata.name,
    namespace: settled.namespace,
    service: settled.serviceName,
    target: settled.target,
  };
  return [
    {
      ...common,
      what: `the ProxyService ${metadata.name} is not ready: ${MEANING[ready.reason] ?? "its gateway does not serve yet"}`,
      seen: shortened(`${ready.reason}: ${ready.message}`),
      mend: (advice ?? lastingAdvice)(names),
      symptomOf: [...common.symptomOf, `Service ${settled.namespace}/${settled.target}`],
    },
  ];
}

interface Names {
  readonly name: string;
  readonly namespace: string;
  readonly service: string;
  readonly target: string;
}

const MEANING: Readonly<Record<string, string>> = {
  ServiceClaimed: "another ProxyService has the Service",
  ServiceOfAnother: "the Service is made by another ProxyService",
  TargetMissing: "there are no pods to stand in front of",
  NoSelector: "the Service's pods are not known",
  NoPods: "the Service leads out of the cluster",
  Headless: "no gateway can stand in for a headless Service",
  LocalOnly: "the Service is for pods of the same node only",
  PortMismatch: "the ports do not match",
  ApiMissing: "Istio is not installed",
};

const ADVICE: Readonly<Record<string, (names: Names) => string>> = {
  ServiceClaimed: ({ name, namespace }) => `kubectl delete proxyservice ${name} -n ${namespace}    # or the other one`,
  ServiceOfAnother: ({ name, namespace }) =>
    `kubectl delete proxyservice ${name} -n ${namespace}    # and give it another serviceName`,
  TargetMissing: ({ service, namespace, target }) =>
    `kubectl expose deployment NAME -n ${namespace} --name ${service} --port PORT    # or make Service ${target}`,
  NoSelector: ({ service, namespace, name }) =>
    `${patchCommand(`service/${service} -n ${namespace}`, { spec: { selector: { app: "NAME" } } })}\n# or name a Service that has its pods: ${patchCommand(`proxyservice/${name} -n ${namespace}`, { spec: { target: "SERVICE" } }, "merge")}`,
  NoPods: ({ name, namespace }) =>
    patchCommand(`proxyservice/${name} -n ${namespace}`, { spec: { target: "SERVICE-WITH-PODS" } }, "merge"),
  Headless: ({ service, namespace }) =>
    `kubectl get service ${service} -n ${namespace} -o yaml    # make a Service with an address for the same pods and name it in spec.serviceName of a new ProxyService`,
  LocalOnly: ({ service, namespace }) =>
    patchCommand(`service/${service} -n ${namespace}`, { spec: { internalTrafficPolicy: "Cluster" } }),
  PortMismatch: ({ name, namespace, service, target }) =>
    `kubectl get service ${service} ${target} -n ${namespace} --ignore-not-found    # its ports\n${patchCommand(`proxyservice/${name} -n ${namespace}`, { spec: { port: 8080 } }, "merge")}    # one of them`,
  ApiMissing: () => "istioctl install --set profile=minimal",
};

function lastingAdvice({ name, namespace }: Names): string {
  return `kubectl describe proxyservice ${name} -n ${namespace}\nkubectl logs deployment/${name} -n ${namespace} --tail=20`;
}

function unweighted(resource: ProxyService, causes: readonly string[], nowMs: number): Finding[] {
  const { metadata, status } = resource;
  const { namespace } = settle(resource);
  const live = conditionOf(status?.conditions, "WeightsLive");
  const away = live?.reason === "ControlPlaneAway" || live?.reason === "NoControlPlane";
  if (live === undefined || live.status === "True" || !away || !olderThan(live.lastTransitionTime, PATIENCE_MS, nowMs))
    return [];
  const unset = live.message.includes("--xds-address");
  return [
    {
      check: "proxy-service",
      what: `the ProxyService ${metadata.name} has no weights`,
      where: `ProxyService ${namespace}/${metadata.name}`,
      seen: shortened(`${live.reason}: ${live.message}`),
      mend: unset
        ? "kubectl set env deployment/proxy-service-operator -n evenkeel EVENKEEL_XDS_ADDRESS=evenkeel-control-plane.evenkeel.svc.cluster.local:18000"
        : "kubectl get pods,endpointslices -n evenkeel -l app.kubernetes.io/name=evenkeel-control-plane    # is a replica ready?",
      symptomOf: unset ? [] : causes,
    },
  ];
}

export const proxyService: Check = {
  name: "proxy-service",
  looksFor: "ProxyServices that are not ready or have no weights",
  run: async (look) => judgeProxyServices(await look.installation(), look.nowMs),
};
