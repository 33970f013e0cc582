import { expect, test } from "vitest";
import type { Endpoint } from "../fleet.ts";
import type { EndpointSlice, Node, Pod, Service, SliceEndpoint } from "./objects.ts";
import { clusterOf, podsOf, type ServiceState } from "./translate.ts";

const REFERENCE = { namespace: "shop", service: "web", port: 80, subset: "" };

function service(spec: NonNullable<Service["spec"]> = {}): Service {
  return { metadata: { name: "web", namespace: "shop" }, spec: { ports: [{ port: 80 }], ...spec } };
}

function slice(endpoints: readonly SliceEndpoint[], more: Partial<EndpointSlice> = {}): EndpointSlice {
  return {
    metadata: { name: "web-1", namespace: "shop", labels: { "kubernetes.io/service-name": "web" } },
    addressType: "IPv4",
    ports: [{ name: "", port: 8080, protocol: "TCP" }],
    endpoints,
    ...more,
  };
}

function at(address: string, more: Partial<SliceEndpoint> = {}): SliceEndpoint {
  return { addresses: [address], conditions: { ready: true, serving: true, terminating: false }, ...more };
}

const ofPod = (name: string) => ({ targetRef: { kind: "Pod", namespace: "shop", name } });

function endpoints(state: Partial<ServiceState>, reference: Partial<typeof REFERENCE> = {}): readonly Endpoint[] {
  return clusterOf(
    "c",
    { ...REFERENCE, ...reference },
    {
      service: service(),
      slices: [],
      pods: new Map(),
      podsFollowed: true,
      nodes: new Map(),
      subsetLabels: undefined,
      ...state,
    },
  ).endpoints;
}

const states = (found: readonly Endpoint[]) => found.map(({ key, state }) => `${key} ${state}`);

test.each<[string, SliceEndpoint["conditions"], string[]]>([
  ["ready", { ready: true, serving: true, terminating: false }, ["10.0.0.1:8080 ready"]],
  ["nothing told", {}, ["10.0.0.1:8080 ready"]],
  ["nulls", { ready: null, serving: null, terminating: null }, ["10.0.0.1:8080 ready"]],
  ["not ready", { ready: false, serving: false, terminating: false }, []],
  ["terminating and serving", { ready: false, serving: true, terminating: true }, ["10.0.0.1:8080 draining"]],
  ["terminating, serves no more", { ready: false, serving: false, terminating: true }, []],
  ["published not ready", { ready: true, serving: false, terminating: false }, ["10.0.0.1:8080 ready"]],
  ["published not ready, terminating", { ready: true, serving: false, terminating: true }, ["10.0.0.1:8080 draining"]],
])("conditions: %s", (_name, conditions, expected) => {
  expect(states(endpoints({ slices: [slice([at("10.0.0.1", { conditions: conditions ?? {} })])] }))).toEqual(expected);
});

test.each<[string, Service | undefined, EndpointSlice[], string[]]>([
  ["no Service", undefined, [slice([at("10.0.0.1")])], []],
  ["no slices", service(), [], []],
  ["null endpoints and ports", service(), [slice([], { endpoints: null, ports: null })], []],
  ["another port of the Service", service({ ports: [{ port: 81 }] }), [slice([at("10.0.0.1")])], []],
  ["a UDP port", service({ ports: [{ port: 80, protocol: "UDP" }] }), [slice([at("10.0.0.1")])], []],
  [
    "named ports",
    service({
      ports: [
        { port: 81, name: "admin" },
        { port: 80, name: "http" },
      ],
    }),
    [
      slice([at("10.0.0.1")], {
        ports: [
          { name: "admin", port: 9000 },
          { name: "http", port: 8081 },
        ],
      }),
    ],
    ["10.0.0.1:8081 ready"],
  ],
  [
    "a named port that stands for other numbers in other pods",
    service({ ports: [{ port: 80, name: "http" }] }),
    [
      slice([at("10.0.0.1")], { ports: [{ name: "http", port: 8081 }] }),
      slice([at("10.0.0.2")], { ports: [{ name: "http", port: 8082 }] }),
    ],
    ["10.0.0.1:8081 ready", "10.0.0.2:8082 ready"],
  ],
  ["host names", service(), [slice([at("web.example.com")], { addressType: "FQDN" })], []],
  [
    "an endpoint that moves between slices",
    service(),
    [
      slice([at("10.0.0.1", { conditions: { ready: false, serving: true, terminating: true } })]),
      slice([at("10.0.0.1")]),
    ],
    ["10.0.0.1:8080 ready"],
  ],
  [
    "order",
    service(),
    [slice([at("10.0.0.2")]), slice([at("10.0.0.1")])],
    ["10.0.0.1:8080 ready", "10.0.0.2:8080 ready"],
  ],
])("%s", (_name, of, slices, expected) => {
  expect(states(endpoints({ service: of, slices }))).toEqual(expected);
});

test.each<[string[] | undefined, string[]]>([
  [
    ["IPv4", "IPv6"],
    ["10.0.0.1:8080 ready", "[fd00::2]:8080 ready"],
  ],
  [
    ["IPv6", "IPv4"],
    ["[fd00::1]:8080 ready", "[fd00::2]:8080 ready"],
  ],
  [["IPv6"], ["[fd00::1]:8080 ready", "[fd00::2]:8080 ready"]],
  [undefined, ["10.0.0.1:8080 ready", "[fd00::2]:8080 ready"]],
])("of two families %j each pod is offered once", (ipFamilies, expected) => {
  const slices = [
    slice([at("10.0.0.1", ofPod("a"))]),
    slice([at("fd00::1", ofPod("a")), at("fd00::2", ofPod("b"))], { addressType: "IPv6" }),
  ];
  const pods = new Map([pod("a"), pod("b")]);
  const of = service(ipFamilies === undefined ? {} : { ipFamilies });
  expect(states(endpoints({ service: of, slices, pods }))).toEqual(expected);
});

test("addresses without a pod are of the first family that has any", () => {
  const slices = [slice([at("10.0.0.1"), at("10.0.0.2")]), slice([at("fd00::1")], { addressType: "IPv6" })];
  expect(states(endpoints({ slices }))).toEqual(["10.0.0.1:8080 ready", "10.0.0.2:8080 ready"]);
});

function pod(name: string, more: Partial<Pod["metadata"]> = {}): [string, Pod] {
  return [`shop/${name}`, { metadata: { name, namespace: "shop", ...more } }];
}

test("pod, node, agent, place and Istio's TLS are told", () => {
  const pods = new Map([
    pod("a", { annotations: { "evenkeel.io/agent-port": "9001" }, labels: { "security.istio.io/tlsMode": "istio" } }),
    pod("b", {
      annotations: { "evenkeel.io/agent-port": "http" },
      labels: { "security.istio.io/tlsMode": "disabled" },
    }),
    pod("c"),
  ]);
  const labels = { "topology.kubernetes.io/region": "eu", "topology.kubernetes.io/zone": "eu-1" };
  const nodes = new Map<string, Node>([["n1", { metadata: { name: "n1", labels } }]]);
  const slices = [
    slice([
      at("10.0.0.1", { ...ofPod("a"), nodeName: "n1", zone: "x" }),
      at("10.0.0.2", { ...ofPod("b"), nodeName: "n2", zone: "eu-2" }),
      at("10.0.0.3", ofPod("c")),
    ]),
  ];
  expect(endpoints({ slices, pods, nodes })).toEqual([
    {
      key: "10.0.0.1:8080",
      address: "10.0.0.1",
      port: 8080,
      locality: { region: "eu", zone: "eu-1", subZone: "" },
      state: "ready",
      agent: { address: "10.0.0.1", port: 9001 },
      pod: { namespace: "shop", name: "a", node: "n1" },
      tls: "istio",
    },
    {
      key: "10.0.0.2:8080",
      address: "10.0.0.2",
      port: 8080,
      locality: { region: "", zone: "eu-2", subZone: "" },
      state: "ready",
      pod: { namespace: "shop", name: "b", node: "n2" },
    },
    {
      key: "10.0.0.3:8080",
      address: "10.0.0.3",
      port: 8080,
      locality: { region: "", zone: "", subZone: "" },
      state: "ready",
      pod: { namespace: "shop", name: "c" },
    },
  ]);
});

test("an endpoint waits for its pod where others take mutual TLS, unless pods are not followed", () => {
  const slices = [slice([at("10.0.0.1", ofPod("a")), at("10.0.0.2", ofPod("unknown")), at("10.0.0.3")])];
  const pods = new Map([pod("a", { labels: { "security.istio.io/tlsMode": "istio" } })]);
  expect(states(endpoints({ slices, pods }))).toEqual(["10.0.0.1:8080 ready", "10.0.0.3:8080 ready"]);
  expect(endpoints({ slices, pods, podsFollowed: false })).toHaveLength(3);
  expect(endpoints({ slices, pods: new Map([pod("a")]) })).toHaveLength(3);
});

test.each<[string, Readonly<Record<string, string>> | undefined, string[]]>([
  ["its labels", { version: "v2" }, ["10.0.0.2:8080 ready"]],
  ["no labels", {}, ["10.0.0.1:8080 ready", "10.0.0.2:8080 ready"]],
  ["labels of no pod", { version: "v3" }, []],
  ["no declaration", undefined, []],
])("a subset of %s", (_name, subsetLabels, expected) => {
  const pods = new Map([pod("a", { labels: { version: "v1" } }), pod("b", { labels: { version: "v2" } })]);
  const slices = [slice([at("10.0.0.1", ofPod("a")), at("10.0.0.2", ofPod("b")), at("10.0.0.3", ofPod("unknown"))])];
  expect(states(endpoints({ slices, pods, subsetLabels }, { subset: "s" }))).toEqual(expected);
});

test.each([
  [{ port: 80 }, "http1"],
  [{ port: 80, name: "http2-web" }, "http2"],
  [{ port: 80, name: "grpc" }, "http2"],
  [{ port: 80, name: "http", appProtocol: "kubernetes.io/h2c" }, "http2"],
  [{ port: 80, name: "grpc", appProtocol: "http" }, "http1"],
  [{ port: 80, name: "grpcish" }, "http1"],
])("port %j speaks %s", (port, protocol) => {
  const state = { slices: [], pods: new Map(), podsFollowed: true, nodes: new Map(), subsetLabels: undefined };
  expect(clusterOf("c", REFERENCE, { service: service({ ports: [port] }), ...state }).protocol).toBe(protocol);
});

test("the pods of slices are told, ready or not", () => {
  const slices = [
    slice([
      at("10.0.0.1", ofPod("a")),
      at("10.0.0.2", { ...ofPod("b"), conditions: { ready: false } }),
      at("10.0.0.3"),
    ]),
  ];
  expect([...podsOf(slices)]).toEqual(["shop/a", "shop/b"]);
});
