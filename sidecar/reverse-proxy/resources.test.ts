import { expect, it } from "vitest";
import { encodeResource } from "../../xds/resources/encode.ts";
import { TYPE_URLS } from "../../xds/resources/resource.ts";
import type { ProxyConfig, ProxyHost } from "./config.ts";
import { encodeProxy } from "./publish.ts";
import { checkIntervalMs, proxyResources } from "./resources.ts";

const OPTIONS = { caFile: "/ca.pem" };
const host = (address: string, scheme: ProxyHost["scheme"] = "http"): ProxyHost => ({ scheme, address, port: 80 });
const config = (hosts: readonly ProxyHost[], domain = "a.example"): ProxyConfig => ({
  listen: { address: "127.0.0.1", port: 8080 },
  services: [{ name: "a", domain, hosts, rewriteHost: false }],
});
/** The messages, all made. */
const messagesOf = (own: ProxyConfig) => {
  const { clusters, routes } = proxyResources(own, OPTIONS);
  return { clusters: [...clusters], routes: [...routes] };
};
const clusterOf = (...hosts: readonly ProxyHost[]) => messagesOf(config(hosts)).clusters[0];

it("makes what Envoy's own rules allow, the same each time", async () => {
  const hosts = [host("10.0.0.1"), host("b.example", "https"), host("fd00::1", "https")];
  const encoded = await encodeProxy(proxyResources(config(hosts), OPTIONS));
  expect(encoded.map(({ typeUrl, name }) => [typeUrl, name])).toEqual([
    [TYPE_URLS.cluster, "service.a"],
    [TYPE_URLS.listener, "reverse-proxy"],
    [TYPE_URLS.route, "reverse-proxy"],
  ]);
  expect(await encodeProxy(proxyResources(config(hosts), OPTIONS))).toEqual(encoded);
});

it("leaves names to Envoy's resolver, and addresses as they are", () => {
  expect(clusterOf(host("10.0.0.1"), host("10.0.0.2"))).toMatchObject({ clusterDiscoveryType: { type: 0 } });
  expect(clusterOf(host("10.0.0.1"), host("b.example"))).toMatchObject({ clusterDiscoveryType: { type: 1 } });
});

it("speaks TLS with those hosts that want it, each by its own name", () => {
  const cluster = clusterOf(host("10.0.0.1"), host("b.example", "https"), host("c.example", "https"));
  expect(cluster?.transportSocketMatches.map(({ name, match }) => [name, match])).toEqual([
    ["b.example", { tls: "b.example" }],
    ["c.example", { tls: "c.example" }],
  ]);
  const metadata = cluster?.loadAssignment?.endpoints[0]?.lbEndpoints.map((endpoint) => endpoint.metadata);
  expect(metadata?.[0]).toBeUndefined();
  expect(metadata?.[2]).toMatchObject({ filterMetadata: { "envoy.transport_socket_match": { tls: "c.example" } } });
});

it("gives each host its own name where that is wished, with the port that its scheme does not stand for", () => {
  const own = config([host("b.example", "https"), { ...host("c.example", "https"), port: 443 }, host("fd00::1")]);
  const services = own.services.map((service) => ({ ...service, rewriteHost: true }));
  const { clusters, routes } = messagesOf({ ...own, services });
  const endpoints = clusters[0]?.loadAssignment?.endpoints[0]?.lbEndpoints.map(({ hostIdentifier }) => hostIdentifier);
  expect(endpoints).toMatchObject(
    ["b.example:80", "c.example", "[fd00::1]"].map((hostname) => ({ $case: "endpoint", endpoint: { hostname } })),
  );
  const action = { route: { hostRewriteSpecifier: { autoHostRewrite: true }, appendXForwardedHost: true } };
  expect(routes[0]?.virtualHosts[0]?.routes[1]?.action).toMatchObject(action);
  const kept = messagesOf(own).routes[0]?.virtualHosts[0]?.routes[1]?.action;
  expect(kept).toMatchObject({ route: { hostRewriteSpecifier: undefined, appendXForwardedHost: false } });
});

it("looks after hosts only where there is another to go to", () => {
  expect(clusterOf(host("10.0.0.1"))).toMatchObject({ healthChecks: [], outlierDetection: undefined });
  expect(clusterOf(host("b.example"))?.healthChecks).toHaveLength(1);
  expect(clusterOf(host("10.0.0.1"), host("10.0.0.2"))?.healthChecks).toHaveLength(1);
});

it("checks hosts, or learns from requests where they are very many", () => {
  const hosts = (count: number) => Array.from({ length: count }, (_, at) => host(`10.0.${at >> 8}.${at & 255}`));
  expect(clusterOf(...hosts(500))).toMatchObject({ healthChecks: { length: 1 }, outlierDetection: undefined });
  expect(clusterOf(...hosts(501))).toMatchObject({
    healthChecks: [],
    outlierDetection: { consecutiveLocalOriginFailure: 2 },
  });
});

it("answers for other domains unless a service takes them all", () => {
  const domains = (domain: string) =>
    messagesOf(config([host("10.0.0.1")], domain)).routes[0]?.virtualHosts.map((one) => one.domains);
  expect(domains("a.example")).toEqual([["a.example"], ["*"]]);
  expect(domains("*")).toEqual([["*"]]);
});

it("looks at hosts less often when there are more, and leaves very many to requests", () => {
  expect([1, 5, 125, 126, 500].map((hosts) => checkIntervalMs(hosts, false))).toEqual([250, 250, 250, 500, 1000]);
  expect(checkIntervalMs(5, true)).toBe(750);
  expect(checkIntervalMs(501, false)).toBeUndefined();
});

it("is refused with its name when a message breaks a rule", () => {
  const cluster = clusterOf(host(""));
  if (cluster === undefined) throw new Error("no cluster");
  expect(() => encodeResource(TYPE_URLS.cluster, cluster.name, cluster)).toThrow(
    expect.objectContaining({ code: "EK_RESOURCE_INVALID", where: "Cluster service.a" }),
  );
});
