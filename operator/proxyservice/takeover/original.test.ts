import { describe, expect, test } from "vitest";
import { settle } from "../resource.ts";
import type { Service, ServicePort } from "../service.ts";
import { gatewayPorts, givenBack, mergedOriginal, originalOf, savedOriginal, turned } from "./original.ts";

const settled = settle({ metadata: { name: "ps-s0", namespace: "shop" }, spec: { serviceName: "sn0" } });
const OURS = { istio: "ps-s0", "evenkeel.io/namespace": "shop" };
const service: Service = {
  metadata: { name: "sn0", namespace: "shop", labels: { a: "b" } },
  spec: {
    clusterIP: "10.0.0.7",
    selector: { app: "s0" },
    ports: [{ name: "web", protocol: "TCP", port: 80, targetPort: 8080 }],
  },
};
const original = originalOf(service);
const taken = turned(service, original, settled);

test("there and back again leaves no trace, whether there were annotations or not", () => {
  expect(givenBack(taken, original)).toEqual(service);
  const noted = { ...service, metadata: { ...service.metadata, annotations: { team: "shop" } } };
  expect(givenBack(turned(noted, original, settled), original)).toEqual(noted);
});

test("what is kept can be read again; what is no original is none", () => {
  expect(savedOriginal(taken)).toEqual(original);
  expect(savedOriginal(service)).toBeUndefined();
  const broken = { ...service, metadata: { ...service.metadata, annotations: { "evenkeel.io/original-spec": "{" } } };
  expect(savedOriginal(broken)).toBeUndefined();
});

test("a Service seen inside the cluster only gets the interface's ports; one that is seen outside gets none", () => {
  const named = [{ name: "web", port: 80 }];
  const ports = (type?: string, own: readonly ServicePort[] = named) => gatewayPorts(own, type).map(({ port }) => port);
  expect(ports()).toEqual([80, 15_021, 443]);
  expect(ports("NodePort")).toEqual([80]);
  expect(ports("LoadBalancer")).toEqual([80]);
  expect(ports("ClusterIP", [{ name: "web", port: 443 }])).toEqual([443, 15_021]);
});

test("a port keeps its name, or none: kube-proxies find endpoints by it", () => {
  expect(gatewayPorts([{ port: 80, targetPort: 8080 }], undefined)).toEqual([{ port: 80, targetPort: 80 }]);
  expect(gatewayPorts([{ name: "web", port: 80, targetPort: "http" }], undefined)[0]).toEqual({
    name: "web",
    port: 80,
    targetPort: 80,
  });
});

describe("changes of others after the takeover", () => {
  const changed = (spec: Partial<Service["spec"]>) =>
    mergedOriginal({ ...taken, spec: { ...taken.spec, ...spec } }, original, settled);
  const [http, ...added] = taken.spec.ports ?? [];

  test("none: the very text that was kept", () => {
    expect(JSON.stringify(changed({}))).toBe(JSON.stringify(original));
  });

  test("its own manifest applied again changes nothing", () => {
    const again = { selector: { ...OURS, app: "s0" }, ports: [{ ...http, port: 80, targetPort: 8080 }, ...added] };
    expect(changed(again)).toEqual(original);
  });

  test("new pods, a new port, a port that goes and one that moves", () => {
    expect(changed({ selector: { app: "s1" } }).selector).toEqual({ app: "s1" });
    expect(changed({ selector: { ...OURS, app: "s1" } }).selector).toEqual({ app: "s1" });
    expect(changed({ ports: [...(taken.spec.ports ?? []), { port: 81 }] }).ports).toEqual([
      ...original.ports,
      { port: 81 },
    ]);
    expect(changed({ ports: added }).ports).toEqual([]);
    expect(changed({ ports: [{ ...http, port: 80, targetPort: "web" }, ...added] }).ports).toEqual([
      { name: "web", port: 80, protocol: "TCP", targetPort: "web" },
    ]);
  });

  test("a type that is seen outside: its node port is the original's too", () => {
    const ports = (taken.spec.ports ?? []).map((port, index) => ({ ...port, nodePort: 30_000 + index }));
    expect(changed({ type: "NodePort", ports }).ports).toEqual([
      { name: "web", port: 80, protocol: "TCP", targetPort: 8080, nodePort: 30_000 },
    ]);
  });
});
