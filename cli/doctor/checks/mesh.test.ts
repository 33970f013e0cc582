import { describe, expect, it } from "vitest";
import { bootstrapText } from "../../../operator/proxyservice/desired/bootstrap.ts";
import { envoyFilter as desiredFilter } from "../../../operator/proxyservice/desired/envoy-filter.ts";
import { settle } from "../../../operator/proxyservice/resource.ts";
import type { ClientStatus } from "../../../xds/server/client-status.ts";
import { handOversOf } from "../hand-over.ts";
import type { EnvoyFilter } from "../objects.ts";
import { AN_HOUR_AGO, installation, NOW, pod, proxyService, secondsAgo, workload } from "../testing.ts";
import { judgeBootstrap } from "./bootstrap.ts";
import { judgeClaims } from "./claimed-twice.ts";
import { judgeRefusals } from "./eds-rejected.ts";
import { judgeEndpoints } from "./endpoints.ts";
import { judgeEnvoyFilters } from "./envoy-filter.ts";
import { judgeIstio } from "./istio.ts";
import { judgeLease } from "./lease.ts";
import { judgeProxyServices } from "./proxy-service.ts";

const LABELS = { istio: "ps-s0", "evenkeel.io/namespace": "shop" };
const ANNOTATION = { "sidecar.istio.io/bootstrapOverride": "ps-s0-bootstrap" };
/** As the operator makes it. */
const filter = (port = 80, host = "sn0-ep.shop.svc.cluster.local") =>
  desiredFilter(settle(proxyService("ps-s0", { port })), "DELTA_GRPC", host) as EnvoyFilter;
const gateway = (annotations: Record<string, string>, podAnnotations = annotations) =>
  workload("shop/ps-s0", "gateway", [pod("shop/ps-s0-1", { labels: LABELS, annotations: podAnnotations })], {
    metadata: { labels: LABELS, annotations },
  });

describe("bootstrap", () => {
  const text = bootstrapText({ address: "cp.evenkeel.svc", port: 18000 });
  const configMap = (data: Record<string, string>) =>
    new Map([["shop/ps-s0-bootstrap", { metadata: { name: "ps-s0-bootstrap", namespace: "shop" }, data }]]);
  const good = configMap({ "custom_bootstrap.json": text });
  it.each([
    ["all is well", gateway(ANNOTATION), good, undefined],
    ["no annotation", gateway({}), good, "bootstrap does not name"],
    ["no ConfigMap", gateway(ANNOTATION), new Map(), "a ConfigMap that does not exist"],
    ["another file", gateway(ANNOTATION), configMap({ "other.json": text }), "lacks the key"],
    [
      "another cluster",
      gateway(ANNOTATION),
      configMap({ "custom_bootstrap.json": "{}" }),
      "no static cluster evenkeel-xds",
    ],
    ["no JSON", gateway(ANNOTATION), configMap({ "custom_bootstrap.json": "{" }), "no static cluster evenkeel-xds"],
    ["older pods", gateway(ANNOTATION, {}), good, "kubectl rollout restart deployment/ps-s0 -n shop"],
  ])("%s", (_, at, configMaps, told) => {
    const findings = judgeBootstrap({
      installation: installation([at]),
      handOvers: handOversOf([filter()]),
      configMaps,
      systemNamespace: "evenkeel",
      nowMs: NOW,
    });
    if (told === undefined) expect(findings).toEqual([]);
    else {
      expect(findings).toHaveLength(1);
      expect(JSON.stringify(findings)).toContain(told);
    }
  });

  it("waits for a rollout", () => {
    const at = gateway(ANNOTATION, {});
    const young = pod("shop/ps-s0-2", { labels: LABELS, annotations: ANNOTATION, since: secondsAgo(5) });
    const facts = { configMaps: good, handOvers: handOversOf([filter()]), systemNamespace: "evenkeel", nowMs: NOW };
    const rolling = { ...at, pods: [...at.pods, young] };
    expect(judgeBootstrap({ ...facts, installation: installation([rolling]) })).toEqual([]);
  });

  it("takes the variable of a mounted one", () => {
    const env = [{ name: "ISTIO_BOOTSTRAP_OVERRIDE", value: "/etc/x.json" }];
    const own = workload("shop/ps-s0", "gateway", [pod("shop/ps-s0-1", { labels: LABELS })], {
      metadata: { labels: LABELS },
      spec: { containers: [{ name: "istio-proxy", env }] },
    });
    const facts = { installation: installation([own]), configMaps: new Map(), systemNamespace: "evenkeel", nowMs: NOW };
    expect(judgeBootstrap({ ...facts, handOvers: handOversOf([filter()]) })).toEqual([]);
  });
});

describe("envoy-filter", () => {
  const services = [{ metadata: { name: "sn0-ep", namespace: "shop" }, spec: { ports: [{ port: 80 }] } }];
  const console_ = (...names: string[]) => [
    { fleet: { clusters: names.map((name) => ({ name, equal: true, endpoints: [] })) } },
  ];
  const asked = console_("outbound|80||sn0-ep.shop.svc.cluster.local");
  it.each([
    ["all is well", filter(), gateway(ANNOTATION), asked, undefined],
    ["consoles unread", filter(), gateway(ANNOTATION), undefined, undefined],
    ["another port", filter(8080), gateway(ANNOTATION), asked, "it is for port 8080, and Service shop/sn0-ep has 80"],
    ["another name", filter(80, "sn1.shop.svc.cluster.local"), gateway(ANNOTATION), asked, "no Service shop/sn1"],
    ["no pods", filter(), workload("shop/x", "gateway", [pod("shop/x-1")]), asked, "is for no gateway"],
    ["nobody asks", filter(), gateway(ANNOTATION), console_("other"), "nobody has asked for"],
    [
      "another is asked",
      filter(),
      gateway(ANNOTATION),
      console_("outbound|81||sn0-ep.shop.svc.cluster.local"),
      "nobody",
    ],
  ])("%s", (_, of, at, consoles, told) => {
    const facts = { installation: installation([at]), handOvers: handOversOf([of]), services, consoles, nowMs: NOW };
    const findings = judgeEnvoyFilters(facts);
    if (told === undefined) expect(findings).toEqual([]);
    else {
      expect(findings).toHaveLength(1);
      expect(JSON.stringify(findings)).toContain(told);
    }
  });

  it("makes no command of a host's name", () => {
    const of = filter(80, "x; reboot");
    const facts = { installation: installation([gateway(ANNOTATION)]), handOvers: handOversOf([of]), services };
    const [finding] = judgeEnvoyFilters({ ...facts, consoles: console_("other"), nowMs: NOW });
    expect(finding?.mend).toContain("--fqdn 'x; reboot' -o json");
  });

  it("reads both spellings, and leaves other filters alone", () => {
    const patch = (value: object) => ({
      metadata: { name: "f", namespace: "shop" },
      spec: { configPatches: [{ applyTo: "CLUSTER", patch: { value } }] },
    });
    const services = [{ envoyGrpc: { clusterName: "x" } }];
    const camel = patch({ edsClusterConfig: { edsConfig: { apiConfigSource: { grpcServices: services } } } });
    expect(handOversOf([camel, patch({ connect_timeout: "1s" })])).toMatchObject([{ xdsCluster: "x" }]);
  });
});

describe("eds-rejected", () => {
  const client = (name: string, message: string | undefined): ClientStatus => ({
    stream: 1,
    nodeId: name,
    name,
    nodeCluster: "c",
    peer: "10.0.0.1:1",
    identity: undefined,
    service: "eds",
    protocol: "delta",
    connectedAtMs: 0,
    types: [
      {
        typeUrl: "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
        state: message === undefined ? "synced" : "error",
        wildcard: false,
        names: 1,
        sentVersion: "2",
        sentNonce: "2",
        ackedVersion: "1",
        sentAtMs: 0,
        nack: message === undefined ? undefined : { nonce: "2", version: "2", names: ["a"], message, atMs: 0 },
      },
    ],
  });
  it("tells each message once, with who refused", () => {
    const clients = [
      client("gw-1.shop", "duplicate host"),
      client("gw-2.shop", "duplicate host"),
      client("gw-3.shop", undefined),
    ];
    expect(judgeRefusals([{ where: "Pod evenkeel/cp", clients }])).toMatchObject([
      {
        what: "Envoy refuses the endpoints (EDS) that it is told",
        where: "gw-1.shop, gw-2.shop, clients of Pod evenkeel/cp",
        seen: "duplicate host (resources: a)",
        mend: expect.stringContaining("kubectl logs gw-1 -n shop"),
      },
    ]);
    expect(judgeRefusals([{ where: "x", clients: [client("gw", undefined)] }])).toEqual([]);
  });
  it("makes no command of a client's name", () => {
    const [finding] = judgeRefusals([{ where: "x", clients: [client("a;reboot", "duplicate host")] }]);
    expect(finding?.mend).toMatch(/^kubectl logs POD --tail=50 /);
  });
  it("knows an Envoy that is too old", () => {
    const clients = [client("gw.shop", "Unable to unpack as least_request: unknown field")];
    expect(judgeRefusals([{ where: "x", clients }])[0]?.mend).toContain("1.34 or newer");
  });
});

describe("claimed-twice", () => {
  it("lets the oldest have it", () => {
    const older = proxyService("b");
    const newer = { ...older, metadata: { ...older.metadata, name: "a", creationTimestamp: "2026-06-01T11:30:00Z" } };
    expect(judgeClaims([newer, older, proxyService("c", { serviceName: "sn1" })])).toMatchObject([
      { where: "Service shop/sn0", mend: "kubectl delete proxyservice a -n shop", explains: ["ProxyService shop/a"] },
    ]);
  });
});

describe("proxy-service", () => {
  const condition = (type: string, status: "True" | "False", reason: string, lastTransitionTime = AN_HOUR_AGO) => ({
    type,
    status,
    reason,
    message: reason === "Unset" ? "" : `about ${reason}`,
    lastTransitionTime,
  });
  it.each([
    ["ready", [condition("Ready", "True", "Serving")], undefined],
    ["no status", [], "nobody carries out"],
    ["on its way", [condition("Ready", "False", "NotAvailable", secondsAgo(20))], undefined],
    ["stuck", [condition("Ready", "False", "NotAvailable")], "kubectl describe proxyservice ps-s0 -n shop"],
    ["headless, at once", [condition("Ready", "False", "Headless", secondsAgo(1))], "headless"],
    ["ports", [condition("Ready", "False", "PortMismatch")], "the ports do not match"],
    ["no selector", [condition("Ready", "False", "NoSelector")], "the Service's pods are not known"],
    ["no target", [condition("Ready", "False", "TargetMissing")], "kubectl expose deployment"],
    ["goes", [condition("Ready", "False", "Deleting")], undefined],
    [
      "no weights",
      [condition("Ready", "True", "Serving"), condition("WeightsLive", "False", "NoControlPlane")],
      "has no weights",
    ],
    [
      "no weights wanted",
      [condition("Ready", "True", "Serving"), condition("WeightsLive", "False", "Policy")],
      undefined,
    ],
  ])("%s", (_, conditions, told) => {
    const findings = judgeProxyServices(installation([], [proxyService("ps-s0", {}, conditions)]), NOW);
    if (told === undefined) expect(findings).toEqual([]);
    else {
      expect(findings).toHaveLength(1);
      expect(JSON.stringify(findings)).toContain(told);
    }
  });
});

describe("endpoints", () => {
  const slice = (ready: boolean) => ({
    metadata: { name: "s", namespace: "shop", labels: { "kubernetes.io/service-name": "sn0-ep" } },
    endpoints: [{ addresses: ["10.1.0.1"], conditions: { ready } }],
  });
  const service = (name: string, selector: Record<string, string> = { app: "s0" }) => ({
    metadata: { name, namespace: "shop" },
    spec: { selector, ports: [{ port: 80 }] },
  });
  const labelled = (ready: boolean) => pod("shop/s0-1", { labels: { app: "s0" }, ready });
  it.each([
    ["ready", [service("sn0-ep")], [slice(true)], [labelled(true)], undefined],
    ["somebody's", [service("other")], [], [], undefined],
    ["no pods", [service("sn0-ep")], [], [], "no pod in namespace shop has the labels app=s0"],
    ["no selector", [service("sn0-ep", {})], [], [labelled(true)], "of its selector, which is empty"],
    ["unready pods", [service("sn0-ep")], [slice(false)], [labelled(false)], "none of its 1 pods is ready: s0-1"],
    ["ports", [service("sn0-ep")], [], [labelled(true)], "its ports name none of theirs"],
    ["of the uploads", [service("proxy-workers")], [], [], "Service proxy-workers leads to no pod"],
  ])("%s", (_, services, slices, pods, told) => {
    const facts = { installation: installation([], [proxyService("ps-s0")]), services, slices, pods };
    const findings = judgeEndpoints(facts);
    if (told === undefined) expect(findings).toEqual([]);
    else expect(JSON.stringify(findings)).toContain(told);
  });
});

describe("istio", () => {
  const healthy = {
    wanted: true,
    served: true,
    istiods: [{ name: "istiod", ready: 1 }],
    istioNamespace: "istio-system",
  };
  it.each([
    [{}, undefined],
    [{ served: false }, "Istio is not installed"],
    [{ served: false, wanted: false }, undefined],
    [{ istiods: [] }, "there is no istiod"],
    [{ istiods: [{ name: "istiod-1-30", ready: 0 }] }, "istiod is not ready"],
    [
      {
        istiods: [
          { name: "istiod", ready: 0 },
          { name: "istiod-canary", ready: 1 },
        ],
      },
      undefined,
    ],
  ])("%j: %s", (changes, what) => {
    const findings = judgeIstio({ ...healthy, ...changes });
    expect(findings.map((finding) => finding.what)).toEqual(what === undefined ? [] : [what]);
  });
});

describe("lease", () => {
  const operator = workload("evenkeel/proxy-service-operator", "operator", [pod("evenkeel/op-1")]);
  const lease = (holderIdentity: string, seconds: number) => ({
    metadata: { name: "proxy-service-operator" },
    spec: { holderIdentity, leaseDurationSeconds: 15, renewTime: secondsAgo(seconds) },
  });
  it.each([
    [lease("op-1", 3), undefined],
    [lease("op-1", 30), undefined],
    [lease("op-1", 600), "op-1 holds it and has not renewed it for 600 s; it lasts 15 s"],
    [lease("", 5), undefined],
    [lease("", 600), "nobody holds it, since 600 s"],
    [undefined, "there is no such Lease"],
  ])("%j: %s", (of, seen) => {
    const findings = judgeLease({ operator, leaseName: "proxy-service-operator", lease: of, nowMs: NOW });
    expect(findings.map((finding) => finding.seen)).toEqual(seen === undefined ? [] : [seen]);
  });
  it("expects no leader of an operator that is not ready", () => {
    const starting = { ...operator, pods: [pod("evenkeel/op-1", { since: secondsAgo(5) })] };
    expect(judgeLease({ operator: starting, leaseName: "x", lease: undefined, nowMs: NOW })).toEqual([]);
  });
});
