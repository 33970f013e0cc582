import { expect, it } from "vitest";
import { type Cluster, type Endpoint, endpointKey } from "../fleet/fleet.ts";
import { encodeResource } from "./encode.ts";
import { assignmentMessage } from "./endpoints.ts";
import { TYPE_URLS } from "./resource.ts";

const endpoint = (address: string, zone: string, changes: Partial<Endpoint> = {}): Endpoint => ({
  key: endpointKey(address, 80),
  address,
  port: 80,
  locality: { region: "r", zone, subZone: "" },
  state: "ready",
  ...changes,
});
const cluster = (...endpoints: Endpoint[]): Cluster => ({
  name: "workers",
  endpoints,
  protocol: "http1",
  connectTimeoutMs: 1000,
});

/** An assignment as lines that a person can compare. */
function read(of: Cluster, weights: Record<string, number> = {}): string[] {
  const message = assignmentMessage(of, new Map(Object.entries(weights)));
  return message.endpoints.flatMap((group) => [
    `${group.locality?.region}/${group.locality?.zone}`,
    ...group.lbEndpoints.map(({ hostIdentifier, loadBalancingWeight, healthStatus }) => {
      const at = hostIdentifier?.$case === "endpoint" ? hostIdentifier.endpoint.address?.address : undefined;
      const socket = at?.$case === "socketAddress" ? at.socketAddress : undefined;
      const port = socket?.portSpecifier?.$case === "portValue" ? socket.portSpecifier.portValue : undefined;
      return `  ${socket?.address} ${port} weight ${loadBalancingWeight} health ${healthStatus}`;
    }),
  ]);
}

it("puts endpoints with their weights under their localities", () => {
  const of = cluster(endpoint("10.0.0.1", "b"), endpoint("10.0.0.2", "a"), endpoint("fd00::1", "b"));
  expect(read(of, { "10.0.0.1:80": 100, "10.0.0.2:80": 50, "[fd00::1]:80": 7 })).toEqual([
    "r/a",
    "  10.0.0.2 80 weight 50 health 1",
    "r/b",
    "  10.0.0.1 80 weight 100 health 1",
    "  fd00::1 80 weight 7 health 1",
  ]);
});

it("offers a draining endpoint as draining", () => {
  expect(read(cluster(endpoint("10.0.0.1", "a", { state: "draining" })), { "10.0.0.1:80": 1 })).toEqual([
    "r/a",
    "  10.0.0.1 80 weight 1 health 3",
  ]);
});

it("marks what Istio's TLS must reach", () => {
  const [group] = assignmentMessage(cluster(endpoint("10.0.0.1", "a", { tls: "istio" })), new Map()).endpoints;
  expect(group?.lbEndpoints[0]?.metadata?.filterMetadata).toEqual({
    "envoy.transport_socket_match": { tlsMode: "istio" },
  });
});

it("passes Envoy's rules, empty or full", () => {
  const full = cluster(endpoint("10.0.0.1", "a", { tls: "istio" }), endpoint("fd00::1", "b", { state: "draining" }));
  const weights = new Map([["10.0.0.1:80", 3]]);
  for (const of of [cluster(), full])
    expect(encodeResource(TYPE_URLS.endpoints, "workers", assignmentMessage(of, weights)).name).toBe("workers");
});

it("makes the same bytes of the same fleet", () => {
  const version = (of: Cluster) =>
    encodeResource(TYPE_URLS.endpoints, "workers", assignmentMessage(of, new Map())).version;
  const [a, b] = [endpoint("10.0.0.1", "a"), endpoint("10.0.0.2", "b")];
  expect(version(cluster(a, b))).toBe(version(cluster(b, a)));
});
