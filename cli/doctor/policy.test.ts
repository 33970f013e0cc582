import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../common/kubernetes/object.ts";
import { judgePolicies } from "./checks/network-policy.ts";
import { handOversOf } from "./hand-over.ts";
import type { NetworkPolicy } from "./objects.ts";
import { cutBy } from "./policy.ts";
import { installation, pod, workload } from "./testing.ts";

const from = pod("shop/gw-1", { labels: { istio: "ps-s0" }, ip: "10.1.2.3" });
const to = pod("evenkeel/cp-1", {
  labels: { app: "cp" },
  containers: [
    { name: "cp", args: ["cli/evenkeel.ts", "control-plane"], ports: [{ name: "xds", containerPort: 18000 }] },
  ],
});
const namespaces: readonly KubeObject[] = [
  { metadata: { name: "shop", labels: { team: "shop" } } },
  { metadata: { name: "evenkeel", labels: {} } },
];
const policy = (namespace: string, spec: NetworkPolicy["spec"]): NetworkPolicy => ({
  metadata: { name: "p", namespace },
  ...(spec === undefined ? {} : { spec }),
});
const ingress = (...rules: NonNullable<NonNullable<NetworkPolicy["spec"]>["ingress"]>) =>
  policy("evenkeel", { podSelector: { matchLabels: { app: "cp" } }, ingress: rules });

describe("ingress", () => {
  it.each([
    ["none", [], 0],
    ["for others", [policy("evenkeel", { podSelector: { matchLabels: { app: "x" } } })], 0],
    ["of another namespace", [policy("shop", { podSelector: {} })], 0],
    ["nothing", [ingress()], 1],
    ["all", [ingress({})], 0],
    [
      "all namespaces, by the port's name",
      [ingress({ from: [{ namespaceSelector: {} }], ports: [{ port: "xds" }] })],
      0,
    ],
    ["another port", [ingress({ ports: [{ port: 18001 }] })], 1],
    ["a range of ports", [ingress({ ports: [{ port: 17000, endPort: 19000 }] })], 0],
    ["UDP", [ingress({ ports: [{ port: 18000, protocol: "UDP" }] })], 1],
    ["own namespace only", [ingress({ from: [{ podSelector: {} }] })], 1],
    ["a team", [ingress({ from: [{ namespaceSelector: { matchLabels: { team: "shop" } } }] })], 0],
    [
      "other pods of it",
      [ingress({ from: [{ namespaceSelector: {}, podSelector: { matchLabels: { istio: "x" } } }] })],
      1,
    ],
    ["a block", [ingress({ from: [{ ipBlock: { cidr: "10.1.0.0/16" } }] })], 0],
    ["a block without it", [ingress({ from: [{ ipBlock: { cidr: "10.1.0.0/16", except: ["10.1.2.0/24"] } }] })], 1],
    ["two, of which one allows", [ingress(), ingress({})], 0],
  ])("%s", (_, policies, count) => {
    expect(cutBy({ from, to, port: 18000 }, "Ingress", policies, namespaces)).toHaveLength(count);
  });
});

it("knows the ports of sidecars by name", () => {
  const agent = { name: "agent", restartPolicy: "Always", ports: [{ name: "orca", containerPort: 9091 }] };
  const worker = pod("evenkeel/w-1", { labels: { app: "cp" }, spec: { initContainers: [agent] } });
  const rule = ingress({ ports: [{ port: "orca" }] });
  expect(cutBy({ from, to: worker, port: 9091 }, "Ingress", [rule], namespaces)).toEqual([]);
});

it("looks at egress where a policy is about it", () => {
  const path = { from, to, port: 18000 };
  const deny = policy("shop", { podSelector: {}, policyTypes: ["Egress"] });
  expect(cutBy(path, "Egress", [deny], namespaces)).toEqual([deny]);
  expect(cutBy(path, "Egress", [policy("shop", { podSelector: {} })], namespaces)).toEqual([]);
});

describe("network-policy", () => {
  const plane = (name: string, labels: Record<string, string>) =>
    workload(`evenkeel/${name}`, "control-plane", [{ ...to, metadata: { ...to.metadata, name: `${name}-1`, labels } }]);
  const front = (xds: string) =>
    workload("shop/front", "front", [
      { ...from, spec: { containers: [{ name: "envoy", args: ["cli/evenkeel.ts", "envoy", "--xds", xds] }] } },
    ]);
  const facts = { handOvers: handOversOf([]), namespaces };
  it.each([
    ["the one that it is told is cut", "a.evenkeel:18000", 1],
    ["the other one is", "b.evenkeel:18000", 0],
    ["not known which", "c.evenkeel:18000", 0],
  ])("%s", (_, xds, count) => {
    const planes = [plane("a", { app: "cp" }), plane("b", { app: "other" })];
    const findings = judgePolicies({
      ...facts,
      installation: installation([...planes, front(xds)]),
      policies: [ingress()],
    });
    expect(findings).toHaveLength(count);
    if (count > 0) expect(findings[0]?.mend).toContain('"kubernetes.io/metadata.name": "shop"');
  });

  it("gives each allowance a name of its own", () => {
    const planes = [plane("a", { app: "cp" })];
    const uploads = workload("uploads/front", "front", [pod("uploads/f-1", { ip: "10.1.3.1" })]);
    const named = (name: string) => ({ ...ingress(), metadata: { name, namespace: "evenkeel" } });
    const nameOf = (mend: string) => /"name": "(.+)"/.exec(mend)?.[1] ?? "";
    const namesOf = (cutting: string) => {
      const seen = installation([...planes, front("a.evenkeel:18000"), uploads]);
      return judgePolicies({ ...facts, installation: seen, policies: [named(cutting)] }).map(({ mend }) =>
        nameOf(mend),
      );
    };
    expect(namesOf("tight")).toEqual(["evenkeel-tight-ingress-18000-shop", "evenkeel-tight-ingress-18000-uploads"]);
    const [long = "", other = ""] = [`${"x".repeat(252)}a`, `${"x".repeat(252)}b`].map((name) => namesOf(name)[0]);
    expect(long).not.toBe(other);
    expect(long.length).toBeLessThan(254);
  });

  it("sees agents that are cut off", () => {
    const worker = workload("shop/w", "worker", [
      pod("shop/w-1", { annotations: { "evenkeel.io/agent-port": "9091" } }),
    ]);
    const deny = policy("shop", { podSelector: {}, ingress: [{ ports: [{ port: 8080 }] }] });
    const seen = installation([plane("a", {}), worker]);
    expect(judgePolicies({ ...facts, installation: seen, policies: [deny] })).toMatchObject([
      { what: expect.stringContaining("agents of w"), explains: ["agent of Deployment shop/w"] },
    ]);
    expect(judgePolicies({ ...facts, installation: seen, policies: [] })).toEqual([]);
  });
});
