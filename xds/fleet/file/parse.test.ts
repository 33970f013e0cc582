import { describe, expect, it } from "vitest";
import { EvenkeelError } from "../../../common/errors.ts";
import { parseFleet, parseFleetFile } from "./parse.ts";

const GOOD = `
clusters:
  - name: proxy-workers
    endpoints:
      - { address: 127.0.0.1, port: 8082, agent: 9082, zone: b, state: draining }
      - { address: 127.0.0.1, port: 8081, agent: "127.0.0.2:9081", zone: a }
      - { address: "FD00:0::1", port: 80, agent: "[fd00::2]:9081", tls: istio }
  - { name: idle, protocol: http2, connectTimeout: 250ms, endpoints: [] }
listeners:
  - name: front-door
    port: 8080
    routes:
      - { prefix: /slow, cluster: idle, timeout: none }
      - { prefix: /, cluster: proxy-workers }
`;

/** What parseFleet says of a bad text. */
function faultOf(text: string): { code: string; where: string | undefined; what: string } {
  try {
    parseFleet(text, "fleet.yaml");
  } catch (error) {
    if (error instanceof EvenkeelError) return { code: error.code, where: error.where, what: error.message };
    throw error;
  }
  throw new Error("it was accepted");
}

const one = (endpoint: string, rest = "") => `clusters:\n  - name: a\n    endpoints:\n      - ${endpoint}\n${rest}`;

it("reads clusters, endpoints and listeners with their defaults", () => {
  const fleet = parseFleet(GOOD, "fleet.yaml");
  const workers = fleet.clusters.get("proxy-workers");
  expect(workers).toMatchObject({ protocol: "http1", connectTimeoutMs: 1000 });
  expect(workers?.endpoints).toEqual([
    {
      key: "127.0.0.1:8081",
      address: "127.0.0.1",
      port: 8081,
      locality: { region: "", zone: "a", subZone: "" },
      state: "ready",
      agent: { address: "127.0.0.2", port: 9081 },
    },
    {
      key: "127.0.0.1:8082",
      address: "127.0.0.1",
      port: 8082,
      locality: { region: "", zone: "b", subZone: "" },
      state: "draining",
      agent: { address: "127.0.0.1", port: 9082 },
    },
    {
      key: "[fd00::1]:80",
      address: "fd00::1",
      port: 80,
      locality: { region: "", zone: "", subZone: "" },
      state: "ready",
      agent: { address: "fd00::2", port: 9081 },
      tls: "istio",
    },
  ]);
  expect(fleet.clusters.get("idle")).toEqual({
    name: "idle",
    protocol: "http2",
    connectTimeoutMs: 250,
    endpoints: [],
  });
  expect(fleet.listeners.get("front-door")).toEqual({
    name: "front-door",
    address: "0.0.0.0",
    port: 8080,
    maxRequestBytes: 64 * 2 ** 20,
    routes: [
      { prefix: "/slow", cluster: "idle", timeoutMs: undefined },
      { prefix: "/", cluster: "proxy-workers", timeoutMs: 200_000 },
    ],
  });
});

describe("what is wrong is told with its line and column", () => {
  const address = (text: string) => one(`{ address: ${text}, port: 80 }`);
  const cases: [name: string, text: string, where: string, what: RegExp][] = [
    ["an empty file", " \n\n", "1:1", /file is empty/],
    ["a file of comments", "# none\n", "1:1", /is a map/],
    ["a list", "- a\n", "1:1", /is a map/],
    ["no clusters", "listeners: []\n", "1:1", /^clusters is missing/],
    ["an empty list of clusters", "clusters: []\n", "1:11", /has no cluster/],
    ["clusters that is no list", "clusters: 7\n", "1:11", /clusters is not a list/],
    ["an empty value", "clusters:\nlisteners: []\n", "1:10", /clusters is empty/],
    ["broken YAML", "clusters:\n  - {name: a\n", "3:1", /./],
    ["a repeated key", "clusters: []\nclusters: []\n", "2:1", /unique/],
    ["an unknown key", one("{ address: 10.0.0.1, port: 80 }", "wibble: 1\n"), "5:1", /wibble is not a known key/],
    [
      "an unknown key of an endpoint",
      one("{ address: 10.0.0.1, prot: 80, port: 1 }"),
      "4:30",
      /prot is not a known key/,
    ],
    ["a host name", address("worker-1.local"), "4:20", /host names are not taken/],
    ["a URL", address('"http://10.0.0.1"'), "4:20", /is not an IP address/],
    ["an address out of range", address("10.0.0.256"), "4:20", /is not an IPv4 address/],
    ["bad IPv6", address('"fd00::1::2"'), "4:20", /is not an IPv6 address/],
    ["IPv6 with a zone index", address('"fe80::1%eth0"'), "4:20", /zone index/],
    ["IPv4 in IPv6", address('"::ffff:10.0.0.1"'), "4:20", /IPv4 address in IPv6 form/],
    ["any address", address("0.0.0.0"), "4:20", /stands for any/],
    ["multicast", address("224.0.0.1"), "4:20", /multicast/],
    ["port 0", one("{ address: 10.0.0.1, port: 0 }"), "4:36", /port is not a port/],
    ["port 65536", one("{ address: 10.0.0.1, port: 65536 }"), "4:36", /port is not a port/],
    ["a broken port", one("{ address: 10.0.0.1, port: 80.5 }"), "4:36", /port is not a whole number/],
    ["no port", one("{ address: 10.0.0.1 }"), "4:9", /endpoints\[0\]\.port is missing/],
    ["an agent's bad port", one("{ address: 10.0.0.1, port: 80, agent: 70000 }"), "4:47", /agent 70000/],
    ["an agent by name", one("{ address: 10.0.0.1, port: 80, agent: 'a:1' }"), "4:47", /agent "a:1" is not an IP/],
    ["a bad state", one("{ address: 10.0.0.1, port: 80, state: gone }"), "4:47", /"gone" is not one of ready, dra/],
    ["a number as a zone", one("{ address: 10.0.0.1, port: 80, zone: 1 }"), "4:46", /zone is not a text/],
    [
      "the same endpoint twice",
      one('{ address: "fd00::1", port: 1 }\n      - { address: "fd00:0::1", port: 1 }'),
      "5:9",
      /repeats \[fd00::1\]:1/,
    ],
    [
      "a cluster twice",
      "clusters:\n  - { name: a, endpoints: [] }\n  - { name: a, endpoints: [] }\n",
      "3:13",
      /a is taken/,
    ],
    ["a bad time", "clusters:\n  - { name: a, endpoints: [], connectTimeout: soon }\n", "2:47", /"soon" is not a time/],
  ];
  it.each(cases)("%s", (_name, text, where, what) => {
    const fault = faultOf(text);
    expect(fault).toMatchObject({ code: "EK_FLEET_INVALID", where: `fleet.yaml:${where}` });
    expect(fault.what).toMatch(what);
  });
});

describe("listeners", () => {
  const door = (...listeners: string[]) =>
    `clusters: [{ name: a, endpoints: [] }]\nlisteners:\n${listeners.map((line) => `  - ${line}\n`).join("")}`;
  const routes = "routes: [{ prefix: /, cluster: a }]";
  const cases: [name: string, text: string, where: string, what: RegExp][] = [
    [
      "a route to nowhere",
      door("{ name: d, port: 1, routes: [{ prefix: /, cluster: b }] }"),
      "3:56",
      /b is no cluster/,
    ],
    ["no routes", door("{ name: d, port: 1, routes: [] }"), "3:33", /has no route/],
    ["a name twice", door(`{ name: d, port: 1, ${routes} }`, `{ name: d, port: 2, ${routes} }`), "4:13", /d is taken/],
    [
      "a port twice",
      door(`{ name: d, port: 1, ${routes} }`, `{ name: e, address: 127.0.0.1, port: 1, ${routes} }`),
      "4:42",
      /1 is taken by d on 0.0.0.0/,
    ],
    ["a prefix without /", door("{ name: d, port: 1, routes: [{ prefix: x, cluster: a }] }"), "3:44", /begins with \//],
    [
      "a route never reached",
      door("{ name: d, port: 1, routes: [{ prefix: /, cluster: a }, { prefix: /x, cluster: a }] }"),
      "3:71",
      /can never match/,
    ],
    ["a bad size", door(`{ name: d, port: 1, maxRequestBytes: 64MB, ${routes} }`), "3:42", /"64MB" is not a size/],
  ];
  it.each(cases)("%s", (_name, text, where, what) => {
    const fault = faultOf(text);
    expect(fault).toMatchObject({ code: "EK_FLEET_INVALID", where: `fleet.yaml:${where}` });
    expect(fault.what).toMatch(what);
  });

  it("may share a port on different addresses", () => {
    const text = door(
      `{ name: d, address: 127.0.0.1, port: 1, ${routes} }`,
      `{ name: e, address: "::1", port: 1, ${routes} }`,
    );
    expect(parseFleet(text, "fleet.yaml").listeners.size).toBe(2);
  });
});

it("tells many faults at once, in the file's order", () => {
  const text = `clusters:
  - name: a
    endpoints:
      - { address: host, port: 80 }
      - { address: 10.0.0.1, port: 99999 }
listeners:
  - { name: d, port: 0, routes: [{ prefix: /, cluster: nowhere }] }
`;
  const { where, what } = faultOf(text);
  expect(where).toBe("fleet.yaml:4:20");
  expect(what).toMatch(/endpoints\[0\]\.address.*; 5:36 .*port.*; 7:22 .*port.*; 7:56 .*nowhere is no cluster/s);
});

it("tells at most twenty", () => {
  const endpoints = Array.from({ length: 50 }, () => "      - { address: nohost, port: 80 }\n").join("");
  const { what } = faultOf(`clusters:\n  - name: a\n    endpoints:\n${endpoints}`);
  expect(what).toMatch(/; and 30 more$/);
});

it("refuses a YAML bomb", () => {
  const levels = Array.from(
    { length: 9 },
    (_, at) => `l${at + 1}: &l${at + 1} [${Array(9).fill(`*l${at}`).join(",")}]`,
  );
  expect(faultOf(`l0: &l0 [x]\n${levels.join("\n")}\nclusters: *l9\n`).what).toMatch(/alias/i);
});

it("takes an anchor that is used a few times", () => {
  const text =
    "clusters:\n  - { name: a, endpoints: &hosts [{ address: 10.0.0.1, port: 80 }] }\n  - { name: b, endpoints: *hosts }\n";
  const fleet = parseFleet(text, "fleet.yaml");
  expect(fleet.clusters.get("b")?.endpoints).toEqual(fleet.clusters.get("a")?.endpoints);
});

describe("a cluster whose endpoints are in Kubernetes", () => {
  const service = "{ namespace: shop, service: workers, port: 8080 }";

  it("is told apart, with no endpoints of its own", () => {
    const text = `clusters:\n  - { name: a, protocol: http2, kubernetes: ${service} }\n`;
    const { fleet, services } = parseFleetFile(text, "fleet.yaml");
    expect(fleet.clusters.get("a")).toEqual({ name: "a", protocol: "http2", connectTimeoutMs: 1000, endpoints: [] });
    expect([...services]).toEqual([["a", { namespace: "shop", service: "workers", port: 8080, subset: "" }]]);
    expect(faultOf(text).what).toMatch(/cluster a is of Kubernetes/);
  });

  it.each([
    [`{ name: a, endpoints: [], kubernetes: ${service} }`, /endpoints is not a known key/],
    ["{ name: a, kubernetes: { namespace: Shop, service: s, port: 1 } }", /namespace is not a name of Kubernetes/],
    ["{ name: a, kubernetes: { namespace: shop, service: s } }", /port is missing/],
    ["{ name: a, kubernetes: shop }", /kubernetes is not a map/],
  ])("%s is refused", (cluster, what) => {
    expect(faultOf(`clusters:\n  - ${cluster}\n`).what).toMatch(what);
  });
});
