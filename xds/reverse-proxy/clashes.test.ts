import { expect, it } from "vitest";
import type { ProxyConfig } from "../../sidecar/reverse-proxy/config.ts";
import type { Cluster, Fleet, FrontDoor } from "../fleet/fleet.ts";
import { clashes } from "./clashes.ts";

const PROXY: ProxyConfig = {
  listen: { address: "0.0.0.0", port: 8080 },
  services: ["a", "b"].map((name) => ({
    name,
    domain: `${name}.example.com`,
    hosts: [{ scheme: "http", address: "10.0.0.1", port: 80 }],
    rewriteHost: false,
  })),
};

function fleet(cluster: string, door: string, address: string, port: number): Fleet {
  const own: Cluster = { name: cluster, endpoints: [], protocol: "http1", connectTimeoutMs: 1000 };
  const frontDoor: FrontDoor = { name: door, address, port, routes: [], maxRequestBytes: 1 };
  return { clusters: new Map([[cluster, own]]), listeners: new Map([[door, frontDoor]]) };
}

it.each([
  ["nothing", fleet("b", "door", "0.0.0.0", 8081), []],
  ["a cluster", fleet("service.b", "door", "0.0.0.0", 80), [[["proxy", "services", 1, "name"], "a cluster service.b"]]],
  ["a listener", fleet("b", "reverse-proxy", "::", 80), [[["proxy", "listen"], "a listener reverse-proxy"]]],
  [
    "a place to listen",
    fleet("b", "door", "0.0.0.0", 8080),
    [[["proxy", "listen"], "the listener door on 0.0.0.0:8080"]],
  ],
  [
    "a port, one of them on all addresses",
    fleet("b", "door", "127.0.0.1", 8080),
    [[["proxy", "listen"], "the listener door on 127.0.0.1:8080"]],
  ],
])("finds that both claim %s", (_, own, expected) => {
  expect(clashes(own, PROXY).map(({ path, theirs }) => [path, theirs])).toEqual(expected);
});

it("leaves each of them a port of its own address", () => {
  const proxy = { ...PROXY, listen: { address: "127.0.0.1", port: 8080 } };
  expect(clashes(fleet("b", "door", "127.0.0.2", 8080), proxy)).toEqual([]);
});
