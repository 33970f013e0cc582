import { describe, expect, test } from "vitest";
import { conditionOf } from "../conditions.ts";
import { APPLIED_ANNOTATION, FINALIZER } from "../names.ts";
import type { ProxyServiceSpec } from "../resource.ts";
import type { Service } from "../service.ts";
import type { PlanOptions } from "./observed.ts";
import { plan } from "./plan.ts";
import { Killed, SimulatedCluster } from "./simulated-cluster.ts";

const OPTIONS: PlanOptions = {
  xds: { address: "evenkeel-control-plane.evenkeel.svc.cluster.local", port: 18000 },
  clusterDomain: "cluster.local",
  drainMs: 30_000,
  isCurrent: (desired, live) =>
    desired.metadata.annotations?.[APPLIED_ANNOTATION] === live.metadata.annotations?.[APPLIED_ANNOTATION] &&
    JSON.stringify(desired.spec) === JSON.stringify(live.spec),
};
const SPEC: ProxyServiceSpec = { serviceName: "sn0", target: "sn0-ep", loadBalancer: "LEAST_REQUEST", port: 80 };

function service(extra: Partial<Service["spec"]> = {}, name = "sn0"): Service {
  return {
    metadata: { name, namespace: "shop", uid: `uid-${name}`, annotations: { team: "shop" } },
    spec: {
      type: "NodePort",
      clusterIP: "10.0.0.7",
      selector: { app: "s0" },
      // In the API server's order.
      ports: [{ protocol: "TCP", port: 80, targetPort: "http", nodePort: 30_080 }],
      ...extra,
    },
  };
}

/** Without what every write changes. */
const contentOf = (object: Service | undefined) =>
  object && { ...object, metadata: { ...object.metadata, resourceVersion: "", generation: 0 } };

function running(cluster = new SimulatedCluster(service())): SimulatedCluster {
  cluster.create(SPEC);
  cluster.run(OPTIONS, 40);
  return cluster;
}

const status = (cluster: SimulatedCluster, type: Parameters<typeof conditionOf>[1]) =>
  conditionOf(cluster.resource?.status?.conditions, type);

describe("life", () => {
  test("the Service is turned to the gateway and keeps its address, ports, node ports and annotations", () => {
    const cluster = running();
    const front = cluster.service("sn0");
    expect(front?.spec).toMatchObject({
      type: "NodePort",
      clusterIP: "10.0.0.7",
      selector: { istio: "ps-s0", "evenkeel.io/namespace": "shop" },
      ports: [{ port: 80, protocol: "TCP", targetPort: 80, nodePort: 30_080 }],
    });
    expect(front?.metadata.annotations?.team).toBe("shop");
    const target = cluster.service("sn0-ep");
    expect(target?.spec.selector).toEqual({ app: "s0" });
    expect(target?.spec.ports).toEqual([{ port: 80, protocol: "TCP", targetPort: "http" }]);
    expect(target?.spec.clusterIP).toBeUndefined();
    expect(status(cluster, "Ready")).toMatchObject({ status: "True", observedGeneration: 1 });
    expect(cluster.failures).toEqual([]);
  });

  test("nothing is written when nothing changed", () => {
    const cluster = running();
    const { writes } = cluster;
    cluster.run(OPTIONS, 100);
    expect(cluster.writes).toBe(writes);
    expect(plan(cluster.observe(), OPTIONS).againMs).toBeUndefined();
  });

  test("the Service waits for a gateway that is ready and a target that has endpoints", () => {
    const cluster = new SimulatedCluster(service());
    cluster.create(SPEC);
    cluster.run(OPTIONS, 5);
    expect(cluster.service("sn0")?.spec.selector).toEqual({ app: "s0" });
    expect(status(cluster, "GatewayReady")?.status).toBe("False");
    expect(status(cluster, "Ready")?.reason).toBe("NotAvailable");
    cluster.run(OPTIONS, 40);
    const observed = cluster.observe();
    const before = { ...observed, front: service(), frontEndpoints: { gateway: 0, others: 3 } };
    const none = plan({ ...before, targetEndpoints: { gateway: 0, others: 0 } }, OPTIONS);
    expect(none.actions.filter((action) => action.do === "replace")).toEqual([]);
    expect(plan(before, OPTIONS).actions.map((action) => action.do)).toEqual(["replace"]);
    const ours = before.ours.filter(({ kind }) => kind !== "VirtualService");
    expect(plan({ ...before, ours }, OPTIONS).actions.map((action) => action.do)).toEqual(["apply"]);
  });

  test.each([
    ["kubectl apply of its manifest", { app: "s0", istio: "ps-s0", "evenkeel.io/namespace": "shop" }],
    ["kubectl replace", { app: "s0" }],
  ])("the Service is put right after %s", (_, selector) => {
    const cluster = running();
    const front = cluster.service("sn0") as Service;
    cluster.write({ ...front, spec: { ...front.spec, selector } });
    cluster.run(OPTIONS, 3);
    expect(cluster.service("sn0")?.spec.selector).toEqual({ istio: "ps-s0", "evenkeel.io/namespace": "shop" });
    expect(cluster.service("sn0-ep")?.spec.selector).toEqual({ app: "s0" });
  });

  test("pods and ports that somebody gives the Service anew become the target's, and stay when it is given back", () => {
    const cluster = running();
    const front = cluster.service("sn0") as Service;
    const ports = [{ port: 80, protocol: "TCP", targetPort: 9000, nodePort: 30_080 }];
    cluster.write({ ...front, spec: { ...front.spec, selector: { app: "s0", track: "b" }, ports } });
    cluster.run(OPTIONS, 3);
    expect(cluster.service("sn0-ep")?.spec).toEqual({
      selector: { app: "s0", track: "b" },
      ports: [{ port: 80, protocol: "TCP", targetPort: 9000 }],
    });
    cluster.delete();
    cluster.run(OPTIONS);
    expect(cluster.service("sn0")?.spec).toMatchObject({ selector: { app: "s0", track: "b" }, ports });
  });

  test("objects that vanish come back, the target and the Service itself too", () => {
    const cluster = running();
    for (const key of ["Service sn0-ep", "VirtualService ps-s0-vs", "Service sn0"]) {
      cluster.remove(key);
      cluster.run(OPTIONS, 3);
      expect(cluster.objects.has(key)).toBe(true);
    }
    cluster.delete();
    cluster.run(OPTIONS);
    expect(cluster.service("sn0")?.spec.selector).toEqual({ app: "s0" });
  });

  test("a target of somebody's own is used and neither changed nor removed; the one that was made goes late", () => {
    const cluster = running();
    cluster.write(service({ type: "ClusterIP", ports: [{ port: 80, targetPort: 80 }] }, "own"));
    const own = contentOf(cluster.service("own"));
    cluster.change({ target: "own" });
    cluster.run(OPTIONS, 20);
    expect(cluster.objects.has("Service sn0-ep")).toBe(true);
    // Wanted again in between: the time counts from the last change.
    cluster.change({ target: "sn0-ep" });
    cluster.run(OPTIONS, 20);
    cluster.change({ target: "own" });
    cluster.run(OPTIONS, 20);
    expect(cluster.objects.has("Service sn0-ep")).toBe(true);
    cluster.run(OPTIONS, 20);
    expect(cluster.objects.has("Service sn0-ep")).toBe(false);
    expect(status(cluster, "TargetFound")?.reason).toBe("Named");
    cluster.delete();
    cluster.run(OPTIONS);
    expect(contentOf(cluster.service("own"))).toEqual(own);
    expect(cluster.failures).toEqual([]);
  });

  test("a Service that is not there is made, and goes with its ProxyService", () => {
    const cluster = new SimulatedCluster(service({}, "sn0-ep"));
    cluster.create(SPEC);
    cluster.run(OPTIONS, 40);
    expect(cluster.service("sn0")?.spec.ports?.map(({ port }) => port)).toEqual([80, 15_021, 443]);
    expect(status(cluster, "Ready")?.status).toBe("True");
    cluster.delete();
    cluster.run(OPTIONS);
    expect([...cluster.objects.keys()]).toEqual(["Service sn0-ep"]);
    expect(cluster.resource).toBeUndefined();
  });

  test("without a control plane istiod keeps the endpoints; one that goes away is waited for", () => {
    const cluster = new SimulatedCluster(service());
    cluster.controlPlane = false;
    running(cluster);
    expect(cluster.objects.has("EnvoyFilter ps-s0-eds")).toBe(false);
    cluster.controlPlane = true;
    cluster.run(OPTIONS, 3);
    expect(cluster.objects.has("EnvoyFilter ps-s0-eds")).toBe(true);
    cluster.controlPlane = false;
    cluster.run(OPTIONS, 50);
    expect(cluster.objects.has("EnvoyFilter ps-s0-eds")).toBe(true);
    expect(status(cluster, "WeightsLive")?.status).toBe("Unknown");
    cluster.run(OPTIONS, 30);
    expect(cluster.objects.has("EnvoyFilter ps-s0-eds")).toBe(false);
    expect(status(cluster, "WeightsLive")?.reason).toBe("NoControlPlane");
  });
});

describe("end", () => {
  test("everything goes, the Service is as it was, and nobody's request fails", () => {
    const cluster = running();
    cluster.delete();
    cluster.run(OPTIONS);
    expect([...cluster.objects.keys()]).toEqual(["Service sn0"]);
    expect(contentOf(cluster.service("sn0"))).toEqual(contentOf({ ...service(), apiVersion: "v1", kind: "Service" }));
    expect(cluster.resource).toBeUndefined();
    expect(cluster.failures).toEqual([]);
  });

  test("a finalizer that was removed by hand still gives the Service back", () => {
    const cluster = running();
    cluster.resource = undefined;
    cluster.run(OPTIONS, 2);
    expect(cluster.service("sn0")?.spec.selector).toEqual({ app: "s0" });
  });

  test("a ProxyService of somebody else's deletion without our finalizer is left alone", () => {
    const cluster = new SimulatedCluster(service());
    cluster.create(SPEC);
    const resource = cluster.resource as NonNullable<typeof cluster.resource>;
    const metadata = { ...resource.metadata, deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: ["other"] };
    expect(plan({ ...cluster.observe(), resource: { ...resource, metadata } }, OPTIONS).actions).toEqual([]);
  });
});

describe("killed after any write", () => {
  /** Runs, is killed after `killAfter` writes, and starts anew with nothing remembered. */
  function interrupted(cluster: SimulatedCluster, killAfter: number, seconds: number): void {
    cluster.killAfter = killAfter;
    try {
      cluster.run(OPTIONS, seconds);
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      cluster.killAfter = Number.POSITIVE_INFINITY;
      cluster.advance(7000);
    }
    cluster.run(OPTIONS, seconds);
  }
  const lifeWrites = running().writes;
  const all = () => {
    const cluster = running();
    cluster.delete();
    cluster.run(OPTIONS);
    return cluster.writes;
  };

  test("it goes on from there on the way in", () => {
    expect(lifeWrites).toBeGreaterThan(15);
    const whole = running();
    for (let killAfter = 1; killAfter <= lifeWrites; killAfter += 1) {
      const cluster = new SimulatedCluster(service());
      cluster.create(SPEC);
      interrupted(cluster, killAfter, 60);
      expect(cluster.failures, `killed after ${killAfter}`).toEqual([]);
      expect([...cluster.objects.keys()].sort()).toEqual([...whole.objects.keys()].sort());
      expect(contentOf(cluster.service("sn0"))).toEqual(contentOf(whole.service("sn0")));
      expect(status(cluster, "Ready")?.status).toBe("True");
    }
  });

  test("it goes on from there on the way out", () => {
    for (let killAfter = lifeWrites + 1; killAfter <= all(); killAfter += 1) {
      const cluster = running();
      cluster.delete();
      interrupted(cluster, killAfter, 200);
      expect(cluster.failures, `killed after ${killAfter}`).toEqual([]);
      expect([...cluster.objects.keys()]).toEqual(["Service sn0"]);
      expect(cluster.resource).toBeUndefined();
    }
  });

  test("it goes back from any point of the way in", () => {
    for (let killAfter = 1; killAfter <= lifeWrites; killAfter += 1) {
      const cluster = new SimulatedCluster(service());
      cluster.create(SPEC);
      cluster.killAfter = killAfter;
      expect(() => cluster.run(OPTIONS, 60)).toThrow(Killed);
      cluster.killAfter = Number.POSITIVE_INFINITY;
      cluster.delete();
      cluster.run(OPTIONS);
      expect(cluster.failures, `killed after ${killAfter}`).toEqual([]);
      expect([...cluster.objects.keys()], `killed after ${killAfter}`).toEqual(["Service sn0"]);
      expect(cluster.service("sn0")?.spec).toEqual(service().spec);
      expect(cluster.resource).toBeUndefined();
    }
  });

  test("it goes back when it is killed around the turn and again on the way out", () => {
    for (let first = lifeWrites - 3; first <= lifeWrites; first += 1)
      for (let second = 1; second <= 12; second += 1) {
        const cluster = new SimulatedCluster(service());
        cluster.create(SPEC);
        cluster.killAfter = first;
        expect(() => cluster.run(OPTIONS, 60)).toThrow(Killed);
        cluster.delete();
        interrupted(cluster, first + second, 150);
        expect(cluster.failures, `killed after ${first} and ${second}`).toEqual([]);
        expect([...cluster.objects.keys()]).toEqual(["Service sn0"]);
        expect(cluster.resource).toBeUndefined();
      }
  });
});

describe("what cannot be carried out touches nothing and says why", () => {
  const found = (
    front: Service | undefined,
    extra: Partial<ReturnType<SimulatedCluster["observe"]>> = {},
    spec = SPEC,
  ) => {
    const cluster = new SimulatedCluster(service());
    cluster.create(spec);
    const { actions, status: now, events } = plan({ ...cluster.observe(), front, ...extra }, OPTIONS);
    expect(actions).toEqual([]);
    expect(events.some(({ type }) => type === "Warning")).toBe(true);
    return conditionOf(now?.conditions, "Ready");
  };

  test.each<[string, Partial<Service["spec"]>]>([
    ["NoSelector", { selector: {} }],
    ["Headless", { clusterIP: "None" }],
    ["NoPods", { type: "ExternalName" }],
    ["LocalOnly", { internalTrafficPolicy: "Local" }],
    ["PortMismatch", { ports: [{ port: 8080 }] }],
    ["PortMismatch", { ports: [{ port: 80 }, { port: 53, protocol: "UDP" }] }],
    ["PortMismatch", { ports: [{ port: 80 }, { port: 15_090 }] }],
  ])("%s: %j", (reason, spec) => {
    expect(found(service(spec))).toMatchObject({ status: "False", reason });
  });

  test("neither Service exists", () => {
    expect(found(undefined)).toMatchObject({ reason: "TargetMissing", message: expect.stringContaining("sn0-ep") });
  });

  test("the named target lacks a port of the Service", () => {
    const target = service({ ports: [{ port: 8080 }] }, "sn0-ep");
    expect(found(service(), { target })).toMatchObject({
      reason: "PortMismatch",
      message: expect.stringContaining("8080"),
    });
  });

  test("another ProxyService came first, or has taken the Service, or made it", () => {
    expect(found(service(), { rival: "first" })).toMatchObject({ reason: "ServiceClaimed" });
    const taken = service();
    const annotations = { "evenkeel.io/taken-over-by": "first" };
    expect(found({ ...taken, metadata: { ...taken.metadata, annotations } })).toMatchObject({
      reason: "ServiceClaimed",
    });
    const labels = { "msvcbench.io/proxyservice": "first" };
    expect(found({ ...taken, metadata: { ...taken.metadata, labels } })).toMatchObject({ reason: "ServiceOfAnother" });
  });

  test("a name is taken, or Istio is not installed", () => {
    expect(found(service(), { inTheWay: ["Deployment ps-s0"] })).toMatchObject({ reason: "NameTaken" });
    const missing = "install Istio";
    expect(found(service(), { missing })).toMatchObject({ reason: "ApiMissing", message: "install Istio" });
  });
});

test("the finalizer comes before anything else", () => {
  const cluster = new SimulatedCluster(service());
  cluster.create(SPEC);
  expect(plan(cluster.observe(), OPTIONS).actions).toEqual([{ do: "finalizers", finalizers: [FINALIZER] }]);
});
