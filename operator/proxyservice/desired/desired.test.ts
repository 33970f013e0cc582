import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import type { ProxyService, ProxyServiceSpec } from "../resource.ts";
import { type DesiredInput, desiredObjects } from "./desired.ts";

const PORTS = [{ name: "web", port: 80, protocol: "TCP", targetPort: 8080, nodePort: 30_080 }];
const XDS = {
  address: "evenkeel-control-plane.evenkeel.svc.cluster.local",
  port: 18_000,
  identity: "spiffe://cluster.local/ns/evenkeel/sa/evenkeel-control-plane",
};

const resource = (spec: Partial<ProxyServiceSpec> = {}): ProxyService => ({
  metadata: { name: "ps-s0", namespace: "shop", uid: "1-2-3" },
  spec: { serviceName: "sn0", loadBalancer: "LEAST_REQUEST", target: "sn0-ep", port: 80, ...spec },
});
const objectsOf = (spec: Partial<ProxyServiceSpec> = {}, input: Partial<DesiredInput> = {}) =>
  desiredObjects({
    resource: resource(spec),
    ports: PORTS,
    makeTargetFrom: { selector: { app: "s0" }, ports: PORTS },
    makeFront: false,
    xds: XDS,
    handOver: true,
    clusterDomain: "cluster.local",
    ...input,
  });
const named = (name: string, ...args: Parameters<typeof objectsOf>) =>
  objectsOf(...args).find(({ kind, metadata }) => `${kind} ${metadata.name}` === name);

test("the example of the interface makes what ps-s0.expected.yaml says", () => {
  const file = new URL("./ps-s0.expected.yaml", import.meta.url);
  const expected = parseAllDocuments(readFileSync(file, "utf8")).map((document) => document.toJS() as unknown);
  // The hash and the owner are the same in all and said elsewhere.
  const objects = objectsOf().map(({ metadata, ...rest }) => {
    const { ownerReferences: _, annotations, ...meta } = metadata;
    const { "evenkeel.io/applied": __, ...others } = annotations ?? {};
    const kept = Object.keys(others).length === 0 ? meta : { ...meta, annotations: others };
    return { ...rest, metadata: kept };
  });
  expect(objects).toEqual(expected);
});

test("every object has its owner, which does not block the owner's deletion, and a hash that follows its content", () => {
  for (const { metadata } of objectsOf()) {
    expect(metadata.ownerReferences).toEqual([
      {
        apiVersion: "msvcbench.io/v1alpha1",
        kind: "ProxyService",
        name: "ps-s0",
        uid: "1-2-3",
        controller: true,
        blockOwnerDeletion: false,
      },
    ]);
    expect(metadata.annotations?.["evenkeel.io/applied"]).toMatch(/^[0-9a-f]{16}$/);
  }
  const hash = (spec: Partial<ProxyServiceSpec>) =>
    named("DestinationRule ps-s0-dr", spec)?.metadata.annotations?.["evenkeel.io/applied"];
  expect(hash({})).toBe(hash({}));
  expect(hash({})).not.toBe(hash({ loadBalancer: "RANDOM" }));
});

test.each<[Partial<ProxyServiceSpec>, Partial<DesiredInput>]>([
  [{ weights: { enabled: false } }, {}],
  [{ loadBalancer: "ROUND_ROBIN" }, {}],
  [{}, { xds: undefined }],
])("without weights Envoy is told of no control plane: %j %j", (spec, input) => {
  expect(named("EnvoyFilter ps-s0-eds", spec, input)).toBeUndefined();
  expect(named("ConfigMap ps-s0-bootstrap", spec, input)).toBeUndefined();
  expect(JSON.stringify(named("Deployment ps-s0", spec, input))).not.toContain("bootstrap");
});

test("a control plane that is away changes no pod: only the hand-over is missing", () => {
  const away = { handOver: false };
  expect(named("EnvoyFilter ps-s0-eds", {}, away)).toBeUndefined();
  expect(named("Deployment ps-s0", {}, away)).toEqual(named("Deployment ps-s0"));
});

test("a bootstrap that changes gives new pods", () => {
  expect(named("Deployment ps-s0", {}, { xds: { ...XDS, port: 18_001 } })).not.toEqual(named("Deployment ps-s0"));
});

test("the control plane's identity is checked in the mesh, and plain text is possible", () => {
  const bootstrap = (identity: boolean) => {
    const { identity: _, ...plain } = XDS;
    const data = named("ConfigMap ps-s0-bootstrap", {}, { xds: identity ? XDS : plain })?.data;
    const text = (data as { "custom_bootstrap.json": string })["custom_bootstrap.json"];
    return JSON.parse(text).static_resources.clusters[0] as Record<string, unknown>;
  };
  expect(bootstrap(true)).toMatchObject({ name: "evenkeel-xds", type: "STRICT_DNS" });
  const tls = JSON.stringify(bootstrap(true).transport_socket);
  for (const part of [XDS.identity, "ROOTCA", "sds-grpc"]) expect(tls).toContain(part);
  expect(bootstrap(false).transport_socket).toBeUndefined();
});

test("an autoscaler or fixed replicas, never both", () => {
  expect(named("Deployment ps-s0")?.spec).not.toHaveProperty("replicas");
  expect(named("HorizontalPodAutoscaler ps-s0", { replicas: 3 })).toBeUndefined();
  expect(named("Deployment ps-s0", { replicas: 3 })?.spec).toMatchObject({ replicas: 3 });
  const autoscaling = { minReplicas: 8, targetCPUUtilizationPercentage: 50 };
  expect(named("HorizontalPodAutoscaler ps-s0", { autoscaling })?.spec).toMatchObject({
    minReplicas: 8,
    maxReplicas: 8,
    metrics: [{ resource: { target: { averageUtilization: 50 } } }],
  });
});

test.each([
  [{ matchUriPrefix: "/api", rewriteUri: "/" }, [{ uri: { prefix: "/api/" } }, { uri: { exact: "/api" } }]],
  [{ matchUriPrefix: "/api/", rewriteUri: "/" }, [{ uri: { prefix: "/api/" } }]],
  [{ matchUriPrefix: "/a", rewriteUri: "/b" }, [{ uri: { prefix: "/a" } }]],
])("%j is rewritten before the default route", (uri, match) => {
  const spec = named("VirtualService ps-s0-vs", { uri })?.spec as { http: unknown[] };
  expect(spec.http).toMatchObject([
    { name: "ps-s0-rewrite", match, rewrite: { uri: uri.rewriteUri } },
    { name: "ps-s0-default-route" },
  ]);
});

test("the Service's other ports are passed on as bytes, and so is all of a protocol that is not read", () => {
  const ports = [...PORTS, { port: 9090, protocol: "TCP", targetPort: 9090 }];
  const servers = (spec: Partial<ProxyServiceSpec>) => {
    const gateway = named("Gateway ps-s0-gw", spec, { ports })?.spec ?? { servers: [] };
    return (gateway as { servers: { port: object }[] }).servers.map(({ port }) => port);
  };
  expect(servers({})).toEqual([
    { number: 80, name: "http-80", protocol: "HTTP" },
    { number: 9090, name: "tcp-9090", protocol: "TCP" },
  ]);
  expect(servers({ protocol: "HTTPS" })[0]).toEqual({ number: 80, name: "tcp-80", protocol: "TCP" });
  expect(named("VirtualService ps-s0-vs", {}, { ports })?.spec).toMatchObject({
    http: [{ name: "ps-s0-default-route" }],
    tcp: [{ match: [{ port: 9090 }] }],
  });
  const bytes = named("VirtualService ps-s0-vs", { protocol: "TCP" }, { ports })?.spec as {
    http?: object;
    tcp: object[];
  };
  expect(bytes.http).toBeUndefined();
  expect(bytes.tcp).toHaveLength(2);
});

test("PASSTHROUGH, which would have a gateway call itself, leaves the choice to Istio", () => {
  expect(named("DestinationRule ps-s0-dr", { loadBalancer: "PASSTHROUGH" })?.spec).not.toHaveProperty("trafficPolicy");
});

test("a Service in front that has to be made has the interface's ports", () => {
  const front = named(
    "Service sn0",
    {},
    { makeFront: true, makeTargetFrom: undefined, ports: [{ name: "web", port: 80 }] },
  );
  expect(front?.spec).toMatchObject({ ports: [{ port: 80 }, { port: 15_021 }, { port: 443 }] });
  expect(named("Service sn0-ep", {}, { makeTargetFrom: undefined })).toBeUndefined();
});
