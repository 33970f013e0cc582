import { setImmediate as tick } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { EvenkeelError } from "../../../common/errors.ts";
import { TYPE_URLS } from "../../resources/resource.ts";
import { Demand } from "../../server/demand.ts";
import { followDemand } from "./follow-demand.ts";
import { type KubernetesFleet, kubernetesFleet } from "./kubernetes-fleet.ts";
import { ManualWatched } from "./manual-watched.ts";
import type { DestinationRule, EndpointSlice, Node, Pod, Service } from "./objects.ts";

const WEB = "outbound|80||web.shop.svc.cluster.local";
const API = "outbound|80||api.shop.svc.cluster.local";
const V2 = "outbound|80|v2|web.shop.svc.cluster.local";

function watchesByHand() {
  return {
    services: new ManualWatched<Service>(),
    slices: new ManualWatched<EndpointSlice>(),
    pods: new ManualWatched<Pod>(),
    nodes: new ManualWatched<Node>(),
    destinationRules: new ManualWatched<DestinationRule>(),
    close: async () => undefined,
  };
}

let watches: ReturnType<typeof watchesByHand>;
let fleet: KubernetesFleet;
const told = vi.fn();

beforeEach(() => {
  watches = watchesByHand();
  told.mockReset();
  fleet = kubernetesFleet({ watches, lingerMs: 50 });
  fleet.subscribe(told);
});
afterEach(() => fleet.close());

const service = (name: string): Service => ({ metadata: { name, namespace: "shop" }, spec: { ports: [{ port: 80 }] } });

function slice(of: string, addresses: readonly string[], name = `${of}-1`): EndpointSlice {
  return {
    metadata: { name, namespace: "shop", labels: { "kubernetes.io/service-name": of } },
    addressType: "IPv4",
    ports: [{ port: 8080 }],
    endpoints: addresses.map((address, index) => ({
      addresses: [address],
      nodeName: "n1",
      targetRef: { kind: "Pod", name: `${of}-${index}` },
    })),
  };
}

const pod = (name: string, labels: Record<string, string> = {}): Pod => ({
  metadata: { name, namespace: "shop", labels },
});

async function settle(): Promise<void> {
  for (const watched of [watches.services, watches.slices, watches.pods, watches.nodes, watches.destinationRules])
    watched.set({ synced: true });
  await tick();
}

const keys = (name: string) =>
  fleet
    .current()
    ?.clusters.get(name)
    ?.endpoints.map(({ key }) => key);

test("there is no fleet until all is read; then only what is asked for is in it", async () => {
  watches.services.put(service("web"));
  watches.services.put(service("api"));
  watches.slices.put(slice("web", ["10.0.0.1"]));
  fleet.request(WEB);
  fleet.request("BlackHoleCluster");
  await tick();
  expect(fleet.current()).toBeUndefined();
  await settle();
  expect([...(fleet.current()?.clusters.keys() ?? [])]).toEqual([WEB]);
  expect(keys(WEB)).toEqual(["10.0.0.1:8080"]);
});

test("what is not installed or not allowed does not hold the fleet up", async () => {
  watches.nodes.set({ fault: new EvenkeelError("EK_KUBE_FORBIDDEN", "no") });
  watches.destinationRules.set({ fault: new EvenkeelError("EK_KUBE_API_MISSING", "no") });
  for (const watched of [watches.services, watches.slices, watches.pods]) watched.set({ synced: true });
  await tick();
  expect(fleet.current()).toBeDefined();
  expect(fleet.fault()).toBeUndefined();
});

test("a fault is told, and the last fleet stays", async () => {
  fleet.request(WEB);
  await settle();
  const before = fleet.current();
  watches.slices.set({ fault: new EvenkeelError("EK_KUBE_UNREACHABLE", "away") });
  await tick();
  expect(fleet.fault()).toMatch(/EK_KUBE_UNREACHABLE: away/);
  expect(fleet.current()).toBe(before);
  watches.slices.set({});
  await tick();
  expect(fleet.fault()).toBeUndefined();
  expect(told).toHaveBeenCalledTimes(3);
});

test("an unknown Service is a cluster without endpoints, until it comes", async () => {
  fleet.request(WEB);
  await settle();
  expect(keys(WEB)).toEqual([]);
  watches.slices.put(slice("web", ["10.0.0.1"]));
  watches.services.put(service("web"));
  await tick();
  expect(keys(WEB)).toEqual(["10.0.0.1:8080"]);
  watches.services.remove(service("web"));
  await tick();
  expect(keys(WEB)).toEqual([]);
});

test("a change makes its own Service's clusters anew and no others", async () => {
  for (const name of ["web", "api"]) watches.services.put(service(name));
  watches.slices.put(slice("web", ["10.0.0.1"]));
  watches.slices.put(slice("api", ["10.0.1.1"]));
  fleet.request(WEB);
  fleet.request(API);
  await settle();
  const before = fleet.current();
  told.mockReset();
  watches.slices.put(slice("web", ["10.0.0.1"]));
  await tick();
  expect(fleet.current()).toBe(before);
  expect(told).not.toHaveBeenCalled();
  watches.slices.put(slice("web", ["10.0.0.2"], "web-2"));
  watches.slices.put(slice("web", ["10.0.0.3"], "web-3"));
  await tick();
  expect(told).toHaveBeenCalledTimes(1);
  expect(keys(WEB)).toEqual(["10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8080"]);
  expect(fleet.current()?.clusters.get(API)).toBe(before?.clusters.get(API));
  expect(fleet.current()?.clusters.get(WEB)?.endpoints[0]).toBe(before?.clusters.get(WEB)?.endpoints[0]);
  watches.slices.remove(slice("web", ["10.0.0.2"], "web-2"));
  // Given to another Service.
  watches.slices.put(slice("api", ["10.0.0.3"], "web-3"));
  await tick();
  expect(keys(WEB)).toEqual(["10.0.0.1:8080"]);
  expect(keys(API)).toEqual(["10.0.0.3:8080", "10.0.1.1:8080"]);
});

test("pods, nodes and subsets count when they come later", async () => {
  watches.pods.put(pod("web-0"));
  watches.services.put(service("web"));
  watches.slices.put(slice("web", ["10.0.0.1", "10.0.0.2"]));
  fleet.request(WEB);
  fleet.request(V2);
  await settle();
  expect(keys(V2)).toEqual([]);
  const subsets = [{ name: "v2", labels: { version: "v2" } }];
  watches.destinationRules.put({ metadata: { name: "web", namespace: "shop" }, spec: { host: "web", subsets } });
  watches.pods.put(pod("web-1", { version: "v2", "security.istio.io/tlsMode": "istio" }));
  watches.nodes.put({ metadata: { name: "n1", labels: { "topology.kubernetes.io/zone": "z" } } });
  await tick();
  expect(keys(V2)).toEqual(["10.0.0.2:8080"]);
  expect(
    fleet
      .current()
      ?.clusters.get(WEB)
      ?.endpoints.map(({ tls }) => tls),
  ).toEqual([undefined, "istio"]);
  expect(fleet.current()?.clusters.get(WEB)?.endpoints[0]?.locality.zone).toBe("z");
  const before = fleet.current();
  told.mockReset();
  // A pod's heartbeat, a pod of nobody.
  watches.pods.put(pod("web-1", { version: "v2", "security.istio.io/tlsMode": "istio" }));
  watches.pods.put(pod("other-1"));
  await tick();
  expect(fleet.current()).toBe(before);
  expect(told).not.toHaveBeenCalled();
});

test("when the right to read pods is taken away, endpoints whose pods are not known are taken as they are", async () => {
  watches.pods.put(pod("web-0", { "security.istio.io/tlsMode": "istio" }));
  watches.services.put(service("web"));
  watches.slices.put(slice("web", ["10.0.0.1", "10.0.0.2"]));
  fleet.request(WEB);
  await settle();
  expect(keys(WEB)).toEqual(["10.0.0.1:8080"]);
  watches.pods.set({ fault: new EvenkeelError("EK_KUBE_FORBIDDEN", "no") });
  await tick();
  expect(keys(WEB)).toEqual(["10.0.0.1:8080", "10.0.0.2:8080"]);
  watches.pods.set({});
  await tick();
  expect(keys(WEB)).toEqual(["10.0.0.1:8080"]);
});

test("a released cluster stays for a while, and for who comes back", async () => {
  fleet.request(WEB);
  fleet.request(API);
  await settle();
  fleet.release(WEB);
  fleet.release(API);
  fleet.request(API);
  await tick();
  expect(fleet.current()?.clusters.has(WEB)).toBe(true);
  await vi.waitFor(() => expect(fleet.current()?.clusters.has(WEB)).toBe(false), { timeout: 20_000 });
  expect(fleet.current()?.clusters.has(API)).toBe(true);
});

test("what clients ask for is asked for", async () => {
  const demand = new Demand();
  demand.add(TYPE_URLS.endpoints, WEB);
  const end = followDemand(demand, fleet);
  demand.add(TYPE_URLS.endpoints, API);
  demand.add(TYPE_URLS.listener, V2);
  await settle();
  expect([...(fleet.current()?.clusters.keys() ?? [])]).toEqual([WEB, API]);
  demand.drop(TYPE_URLS.endpoints, API);
  await vi.waitFor(() => expect(fleet.current()?.clusters.has(API)).toBe(false), { timeout: 20_000 });
  end();
});

test("Services of the settings are always there, under the name they are given", async () => {
  watches.services.put(service("web"));
  watches.slices.put(slice("web", ["10.0.0.1"]));
  const reference = { namespace: "shop", service: "web", port: 80, subset: "" };
  fleet.setServices(new Map([["proxy-workers", reference]]));
  await settle();
  expect(keys("proxy-workers")).toEqual(["10.0.0.1:8080"]);
  fleet.setServices(new Map([["other", { ...reference, service: "none" }]]));
  await tick();
  expect([...(fleet.current()?.clusters.keys() ?? [])]).toEqual(["other"]);
});

test("close leaves no subscription", async () => {
  await fleet.close();
  expect(watches.slices.subscribers + watches.pods.subscribers + watches.nodes.subscribers).toBe(0);
});
