import { describe, expect, it } from "vitest";
import type { EndpointView, FleetView } from "../../../xds/console/fleet-view.ts";
import type { SourceStatus } from "../../../xds/signals/kubernetes/source-status.ts";
import type { Pod } from "../objects.ts";
import { AN_HOUR_AGO, installation, NOW, pod, secondsAgo, workload } from "../testing.ts";
import { judgeAgents } from "./agents.ts";
import { judgeAutoscalers } from "./autoscaler.ts";
import { judgeCertificates, renewal } from "./certificates.ts";
import { judgeClocks } from "./clock.ts";
import { judgeCpuSources } from "./cpu-sources.ts";
import { judgeDescriptors } from "./descriptors.ts";
import { judgeInstalled } from "./installed.ts";
import { judgeKeda } from "./keda.ts";
import { judgeMetricsApi } from "./metrics-api.ts";
import { judgeQueues } from "./queue.ts";
import { judgeScalers } from "./scaler-address.ts";
import { judgeSignals } from "./signals.ts";

const endpoint = (source: string | undefined, ageMs = 100, key = "10.1.0.1:8080"): EndpointView => ({
  key,
  state: "ready",
  ...(source === undefined ? {} : { cpu: { utilisation: 0.5, source, ageMs } }),
});
const fleet = (...endpoints: EndpointView[]): FleetView => ({ clusters: [{ name: "c", equal: false, endpoints }] });

describe("signals", () => {
  const agentPort = { "evenkeel.io/agent-port": "9091" };
  const pods = { withAgent: pod("shop/a", { annotations: agentPort }), without: pod("shop/a") };
  const hostile = pod("shop/a", { annotations: { "evenkeel.io/agent-port": "1\nreboot" } });
  const young = pod("shop/a", { since: secondsAgo(10) });
  it.each([
    ["fresh", endpoint("agent"), pods.withAgent, undefined],
    ["kubelet where there is no agent", endpoint("kubelet", 15_000), pods.without, undefined],
    ["silent", endpoint(undefined), pods.without, "is not known"],
    ["silent and young", endpoint(undefined), young, undefined],
    ["silent and going", { ...endpoint(undefined), state: "draining" as const }, pods.without, undefined],
    ["old agent", endpoint("agent", 9000), pods.withAgent, "too old"],
    ["old metrics API", endpoint("metrics-api", 600_000), pods.without, "too old"],
    ["agent whose port is a command", endpoint(undefined), hostile, "is not known"],
    ["agent not heard", endpoint("kubelet", 15_000), pods.withAgent, "the agents of some pods are not heard"],
  ])("%s", (_, of, owner, told) => {
    const facts = {
      consoles: [{ where: "x", fleet: fleet(of) }],
      installation: installation([workload("shop/w", "backend", [owner])]),
      nowMs: NOW,
    };
    const findings = judgeSignals(facts);
    if (told === undefined) expect(findings).toEqual([]);
    else expect(findings).toMatchObject([{ what: expect.stringContaining(told), where: "Pod shop/a" }]);
    expect(JSON.stringify(findings)).not.toContain("\\nreboot");
  });
  it("tells endpoints whose pod is not known by their address", () => {
    const facts = {
      consoles: [{ where: "x", fleet: fleet(endpoint(undefined, 0, "[fd00::1]:80")) }],
      installation: installation([]),
      nowMs: NOW,
    };
    expect(judgeSignals(facts)).toMatchObject([{ where: "endpoint [fd00::1]:80" }]);
  });
});

describe("cpu-sources", () => {
  const source = (of: SourceStatus["source"], state: SourceStatus["state"]): SourceStatus => ({
    source: of,
    state,
    detail: "cannot get nodes/proxy",
    next: "bind it",
  });
  it.each([
    ["kubelet forbidden, agents tell", source("kubelet", "forbidden"), endpoint("agent"), undefined],
    [
      "kubelet forbidden, metrics API tells",
      source("kubelet", "forbidden"),
      endpoint("metrics-api", 30_000),
      "may not read the kubelet",
    ],
    [
      "kubelet forbidden, nothing tells",
      source("kubelet", "forbidden"),
      endpoint(undefined),
      "may not read the kubelet",
    ],
    ["metrics API missing", source("metrics-api", "missing"), endpoint(undefined), "finds no metrics API"],
    ["metrics API missing, kubelets tell", source("metrics-api", "missing"), endpoint("kubelet", 10_000), undefined],
    ["kubelet failing, metrics API tells", source("kubelet", "failing"), endpoint("metrics-api", 30_000), undefined],
    ["kubelet failing, nothing tells", source("kubelet", "failing"), endpoint(undefined), "cannot read the kubelet"],
    ["idle", source("metrics-api", "idle"), endpoint(undefined), undefined],
  ])("%s", (_, status, of, told) => {
    const findings = judgeCpuSources([{ where: "Pod evenkeel/cp", fleet: fleet(of), sources: [status] }]);
    if (told === undefined) expect(findings).toEqual([]);
    else expect(findings).toMatchObject([{ what: expect.stringContaining(told), mend: "# bind it" }]);
  });

  it("kubelets that sign their own certificates are asked another way", () => {
    const detail = "cannot get /metrics/resource: self-signed certificate in certificate chain";
    const status = { ...source("kubelet", "failing"), detail };
    const findings = judgeCpuSources([{ where: "w", fleet: fleet(endpoint(undefined)), sources: [status] }]);
    expect(findings).toMatchObject([
      {
        what: "the control plane cannot read the kubelet figures",
        mend: expect.stringContaining("kubeletAccess=direct-insecure"),
      },
    ]);
  });
});

describe("agents", () => {
  const app = { name: "app" };
  const agent = (...more: string[]) => ({ name: "agent", args: ["cli/evenkeel.ts", "agent", ...more] });
  const annotations = { "evenkeel.io/agent-port": "9091" };
  const of = (containers: object[], spec: object, labelled = annotations as Record<string, string>) =>
    installation([
      workload("shop/w", "backend", [
        pod("shop/a", { containers: containers as { name: string }[], spec, annotations: labelled }),
      ]),
    ]);
  it.each([
    ["shares", of([app, agent()], { shareProcessNamespace: true }), undefined],
    ["does not share", of([app, agent()], {}), '"shareProcessNamespace":true'],
    ["is told a pid", of([app, agent("--pid", "7")], {}), undefined],
    ["measures the machine", of([app, agent("--scope=machine")], {}), undefined],
    ["is alone, and the worker with it", of([agent()], {}), undefined],
    [
      "is not known of",
      of([app, agent("--orca-port", "9555")], { shareProcessNamespace: true }, {}),
      '"evenkeel.io/agent-port":"9555"',
    ],
    [
      "is told no port",
      of([app, agent("--orca-port", "1';reboot;'")], { shareProcessNamespace: true }, {}),
      '"evenkeel.io/agent-port":"PORT"',
    ],
    ["is none", of([app], {}), undefined],
    [
      "is a native sidecar",
      of([app], { initContainers: [{ ...agent(), restartPolicy: "Always" }] }),
      "kubectl patch deployment/w -n shop",
    ],
  ])("%s", (_, seen, mend) => {
    const findings = judgeAgents(seen);
    if (mend === undefined) expect(findings).toEqual([]);
    else expect(findings).toMatchObject([{ mend: expect.stringContaining(mend) }]);
  });
});

describe("metrics-api and autoscaler", () => {
  it.each([
    [{ state: "ok" }, ["a/b"], undefined],
    [{ state: "missing" }, ["a/b"], "the metrics API is missing"],
    [{ state: "failing", message: "503" }, ["a/b"], "the metrics API does not answer"],
    [{ state: "missing" }, [], undefined],
  ] as const)("%j for %j", (api, autoscalers, what) => {
    expect(judgeMetricsApi({ api, autoscalers }).map((finding) => finding.what)).toEqual(
      what === undefined ? [] : [what],
    );
  });

  const of = (status: string, reason: string, message: string) => ({
    autoscaler: {
      metadata: { name: "h", namespace: "up" },
      status: { conditions: [{ type: "ScalingActive", status, reason, message }] },
    },
    workload: workload("up/proxy-worker", "worker", []),
  });
  it.each([
    [of("True", "ValidMetricFound", ""), undefined, []],
    [of("False", "ScalingDisabled", ""), undefined, []],
    [
      of("False", "FailedGetResourceMetric", "no metrics returned"),
      "kubectl describe hpa h -n up",
      ["metrics API", "Deployment up/proxy-worker"],
    ],
    [
      of("False", "FailedGetResourceMetric", "missing request for cpu in container worker of Pod x"),
      '{"name":"worker","resources"',
      [],
    ],
  ])("%j", (own, mend, symptomOf) => {
    const findings = judgeAutoscalers([own], NOW);
    if (mend === undefined) expect(findings).toEqual([]);
    else expect(findings).toMatchObject([{ mend: expect.stringContaining(mend), symptomOf }]);
  });

  it.each([
    [[89], 0],
    [[91], 1],
    [[1, 3600], 1],
  ])("pods of %j s: %i findings", (ages, count) => {
    const pods = ages.map((seconds, index) => pod(`up/p${index}`, { since: secondsAgo(seconds) }));
    const own = { ...of("False", "FailedGetResourceMetric", "no metrics"), workload: workload("up/w", "worker", pods) };
    expect(judgeAutoscalers([own], NOW)).toHaveLength(count);
  });
});

describe("clock", () => {
  it.each([
    [true, 800, 0],
    [true, -4900, 0],
    [false, 60_000, 1],
    [true, -60_000, 1],
  ])("local %s, %i ms: %i", (local, aheadMs, count) => {
    expect(judgeClocks([{ where: "x", local, aheadMs }])).toHaveLength(count);
  });
});

describe("certificates", () => {
  const days = 24 * 3_600_000;
  it.each([
    [-10 * days, 90 * days, undefined],
    [-10 * days, -1000, "a certificate has expired"],
    [-10 * days, 2 * days, "a certificate expires soon"],
    [days, 90 * days, "a certificate is not valid yet"],
    // Renewed by a program once a day, and about to be.
    [-0.5 * days, 0.5 * days, undefined],
    [-0.9 * days, 0.1 * days, "a certificate expires soon"],
  ])("from %i to %i: %s", (from, to, what) => {
    const certificate = {
      where: "x",
      subject: "CN=x",
      notBeforeMs: NOW + from,
      notAfterMs: NOW + to,
      renew: "renew it",
    };
    expect(judgeCertificates([certificate], NOW).map((finding) => finding.what)).toEqual(
      what === undefined ? [] : [what],
    );
  });

  it.each([
    ["tls.crt", ["tls.crt", "tls.key", "ca.crt"], "--from-file=tls.crt=CERTIFICATE-FILE --from-file=tls.key=KEY-FILE"],
    [
      "client.crt",
      ["client.crt", "client.key"],
      "--from-file=client.crt=CERTIFICATE-FILE --from-file=client.key=KEY-FILE",
    ],
    ["ca.crt", ["tls.crt", "tls.key", "ca.crt"], "--from-file=ca.crt=CERTIFICATE-FILE"],
  ])("renews %s alone", (key, keys, files) => {
    expect(renewal("s -n up", key, keys)).toBe(
      `kubectl create secret generic s -n up ${files} --dry-run=client -o json | kubectl patch secret s -n up --type merge --patch-file /dev/stdin`,
    );
  });
});

describe("installed", () => {
  const base = { hasProxyServices: true, systemNamespace: "evenkeel" };
  const plane = (...pods: Pod[]) => workload("evenkeel/cp", "control-plane", pods);
  it.each([
    ["nothing", [], "manifests/overlays/istio"],
    ["workers alone", [workload("up/w", "worker", [])], "manifests/overlays/istio"],
    ["the CPU load app alone", [workload("up/fastapi-app", "other", [])], undefined],
    ["a control plane", [plane(pod("evenkeel/cp-1")), workload("up/w", "worker", [])], undefined],
    [
      "one scaled away",
      [plane(), workload("up/w", "worker", [])],
      "kubectl scale deployment/cp -n evenkeel --replicas=2",
    ],
    ["one scaled away that nobody wants", [plane()], undefined],
  ])("%s", (_, workloads, mend) => {
    const findings = judgeInstalled({ ...base, installation: installation(workloads) });
    if (mend === undefined) expect(findings).toEqual([]);
    else expect(findings).toMatchObject([{ mend: expect.stringContaining(mend) }]);
  });
});

describe("keda", () => {
  const scaler = workload("posture/posture-external-scaler", "scaler", []);
  const job = (conditions: object[]) => ({
    metadata: { name: "posture-analyzer-job-0", namespace: "posture", creationTimestamp: AN_HOUR_AGO },
    status: { conditions: conditions as { type: string; status: string }[] },
  });
  it.each([
    ["not wanted", [], undefined, undefined],
    ["missing", [scaler], undefined, "KEDA is not installed"],
    ["well", [scaler], [job([{ type: "Ready", status: "True" }])], undefined],
    ["asleep", [scaler], [job([])], "KEDA's operator does not look at the ScaledJobs"],
    [
      "unready",
      [scaler],
      [job([{ type: "Ready", status: "False", reason: "x" }])],
      "KEDA cannot use ScaledJobs as they are",
    ],
  ])("%s", (_, workloads, scaledJobs, what) => {
    const findings = judgeKeda({ installation: installation(workloads), scaledJobs, nowMs: NOW });
    expect(findings.map((finding) => finding.what)).toEqual(what === undefined ? [] : [what]);
  });
});

describe("scaler-address", () => {
  const services = [{ metadata: { name: "sc", namespace: "posture" }, spec: { ports: [{ port: 8080 }] } }];
  const slice = (ready: boolean) => ({
    metadata: { name: "s", namespace: "posture", labels: { "kubernetes.io/service-name": "sc" } },
    endpoints: [{ addresses: ["10.1.0.9"], conditions: { ready } }],
  });
  it.each([
    ["sc.posture.svc.cluster.local:8080", true, undefined],
    ["sc.posture:8080", true, undefined],
    ["sc.posture.svc:9090", true, "Service posture/sc has no port 9090, only 8080"],
    ["other.posture.svc:8080", true, "there is no Service posture/other"],
    ["sc.posture.svc:8080", false, "Service posture/sc has no ready endpoint"],
    ["scaler.example.org:443", true, undefined],
    ["10.0.0.1:443", true, undefined],
    ["sc", true, "the address has no port"],
  ])("%s, ready %s", (scalerAddress, ready, seen) => {
    const trigger = { type: "external", metadata: { scalerAddress } };
    const scaled = [{ metadata: { name: "j", namespace: "posture" }, spec: { triggers: [trigger, trigger] } }];
    const facts = { installation: installation([]), scaled, services, slices: [slice(ready)], namespaces: undefined };
    expect(judgeScalers(facts).map((finding) => finding.seen)).toEqual(seen === undefined ? [] : [seen]);
  });

  it.each([
    ["keda-addons", 0],
    ["posture", 1],
  ])("knows nothing of namespaces beside its own: %s", (namespace, count) => {
    const trigger = { type: "external", metadata: { scalerAddress: `away.${namespace}.svc:8080` } };
    const scaled = [{ metadata: { name: "j", namespace: "posture" }, spec: { triggers: [trigger] } }];
    const namespaces = new Set(["posture", "evenkeel", "istio-system"]);
    const facts = { installation: installation([]), scaled, services, slices: [], namespaces };
    expect(judgeScalers(facts)).toHaveLength(count);
  });
});

describe("queue and descriptors", () => {
  const metrics = (text: string, args: string[] = []) => {
    const of = pod("up/w-1", { containers: [{ name: "worker", args: ["cli/evenkeel.ts", "worker", ...args] }] });
    return { workload: workload("up/proxy-worker", "worker", [of]), pod: of, text };
  };
  it.each([
    ["worker_jobs_queued 3\n", [], 0],
    ["worker_jobs_queued 13\n", [], 1],
    ["worker_jobs_queued 13\n", ["--queue=64"], 0],
    ["", [], 0],
  ])("%j %j: %i", (text, args, count) => {
    const read = [metrics(text, args)];
    expect(judgeQueues({ metrics: read, before: read, autoscalers: [] })).toHaveLength(count);
  });

  const counts = (taken: number, refused: number, reason = "queue-full") =>
    `worker_jobs_total{outcome="ok"} ${taken}\nworker_rejected_total{reason="${reason}"} ${refused}\n`;
  it.each([
    ["few are refused", counts(100, 0), counts(1100, 5), 0],
    ["many are", counts(100, 0), counts(200, 50), 1],
    ["many were, long ago", counts(100, 50), counts(200, 50), 0],
    ["for another reason", counts(1, 0, "draining"), counts(2, 50, "draining"), 0],
    ["restarted meanwhile", counts(100, 0), counts(1, 2), 0],
  ])("%s: %j then %j", (_, before, now, count) => {
    const facts = { metrics: [metrics(now)], before: [metrics(before)], autoscalers: [] };
    expect(judgeQueues(facts)).toHaveLength(count);
  });

  it("makes more of what there is", () => {
    const read = metrics("worker_jobs_queued 16\n");
    const scaled = { ...read.workload, controller: { metadata: { name: "w" }, spec: { replicas: 12 } } };
    const own = { metadata: { name: "mine", namespace: "up" }, spec: { maxReplicas: 40 } };
    const mendOf = (workload: typeof scaled, autoscalers: { autoscaler: typeof own; workload: typeof scaled }[]) =>
      judgeQueues({ metrics: [{ ...read, workload }], before: [], autoscalers })[0]?.mend;
    expect(mendOf(scaled, [])).toBe("kubectl scale deployment/proxy-worker -n up --replicas=24");
    expect(mendOf(scaled, [{ autoscaler: own, workload: scaled }])).toContain(
      `kubectl patch hpa mine -n up --type merge -p '{"spec":{"maxReplicas":80}}'`,
    );
  });
  it.each([
    ["process_open_fds 100\nprocess_max_fds 1024\n", 0],
    ["process_open_fds 900\nprocess_max_fds 1024\n", 1],
    ["process_open_fds 900\n", 0],
    ["", 0],
  ])("%j: %i", (text, count) => {
    expect(judgeDescriptors([metrics(text)])).toHaveLength(count);
  });
});
