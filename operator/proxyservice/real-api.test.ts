import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { hasCode } from "../../common/kubernetes/failure.ts";
import { listAll } from "../../common/kubernetes/list.ts";
import type { KubeObject } from "../../common/kubernetes/object.ts";
import { RESOURCES } from "../../common/kubernetes/resource-type.ts";
import { runOperator } from "../main.ts";
import { conditionOf } from "./conditions.ts";
import type { ProxyService } from "./resource.ts";
import type { Service } from "./service.ts";
import { TestCluster } from "./testing.ts";

/** Programs that are not in the cache yet are built first. */
const BUILD_MS = 3_600_000;
const LONG = { timeout: 90_000, interval: 200 };
const TEST_MS = 600_000;
const GATEWAY = { istio: "ps-s0", "evenkeel.io/namespace": "" };

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start();
}, BUILD_MS);

afterAll(async () => {
  await cluster?.stop();
}, 60_000);

const proxyService = (namespace: string, spec: string, name = "ps-s0") =>
  `{apiVersion: msvcbench.io/v1alpha1, kind: ProxyService, metadata: {name: ${name}, namespace: ${namespace}}, spec: ${spec}}`;
const example = (namespace: string) =>
  proxyService(namespace, "{serviceName: sn0, loadBalancer: LEAST_REQUEST, target: sn0-ep, port: 80}");
const SERVICE = (namespace: string) =>
  `{apiVersion: v1, kind: Service, metadata: {name: sn0, namespace: ${namespace}, annotations: {team: shop}},
    spec: {type: NodePort, selector: {app: s0}, ports: [{port: 80, targetPort: 8080}]}}`;

const condition = async (namespace: string, type: Parameters<typeof conditionOf>[1], name = "ps-s0") => {
  const found = await cluster.get<ProxyService>(RESOURCES.proxyServices, namespace, name);
  return conditionOf(found?.status?.conditions, type);
};
const ready = (namespace: string) =>
  vi.waitFor(async () => expect(await condition(namespace, "Ready")).toMatchObject({ status: "True" }), LONG);
const service = async (namespace: string, name: string) =>
  (await cluster.get<Service & { apiVersion: string }>(RESOURCES.services, namespace, name)) as Service;
/** As `kubectl get -o yaml` shows it, but for the version that every write changes. */
const shown = async (namespace: string, name: string) => {
  const { managedFields: _, resourceVersion: __, ...metadata } = (await service(namespace, name)).metadata;
  return JSON.stringify({ ...(await service(namespace, name)), metadata });
};
const gone = (namespace: string) =>
  vi.waitFor(async () => {
    expect(await cluster.get(RESOURCES.proxyServices, namespace, "ps-s0")).toBeUndefined();
  }, LONG);
/** What is left of ours, by kind and name. */
const OWN = ["deployments", "horizontalPodAutoscalers", "podDisruptionBudgets", "gateways", "virtualServices"] as const;
const MORE = ["destinationRules", "envoyFilters", "configMaps", "serviceAccounts", "roles", "roleBindings"] as const;
async function ours(namespace: string): Promise<string[]> {
  const lists = [...OWN, ...MORE, "services" as const].map(async (kind) => {
    const target = { resource: RESOURCES[kind], namespace };
    const mine = { labelSelector: "msvcbench.io/proxyservice" };
    const { items } = await listAll<KubeObject>(cluster.client, target, mine).catch((error) => {
      // Before Istio is installed.
      if (hasCode(error, "EK_KUBE_API_MISSING")) return { items: [] };
      throw error;
    });
    return items.map(({ metadata }) => `${RESOURCES[kind].kind} ${metadata.name} ${metadata.resourceVersion}`);
  });
  return (await Promise.all(lists)).flat();
}
/** Of ours and of the ProxyService itself; the autoscaler's status changes by itself, without figures too. */
async function versions(namespace: string): Promise<string[]> {
  const resource = await cluster.get(RESOURCES.proxyServices, namespace, "ps-s0");
  const objects = (await ours(namespace)).filter((each) => !each.startsWith("Horizontal"));
  return [...objects, `ProxyService ${resource?.metadata.resourceVersion}`];
}
const withoutVersions = (objects: readonly string[]) => objects.map((each) => each.replace(/ \d+$/, "")).sort();

/** Runs an operator in this process for as long as `use` takes. */
async function withOperator(args: string[], use: () => Promise<void>): Promise<void> {
  const ending = new AbortController();
  const running = runOperator(cluster.settings(...args), ending.signal);
  try {
    await Promise.race([use(), running.then(() => Promise.reject(new Error("the operator ended")))]);
  } finally {
    ending.abort();
    await running;
  }
}

describe("the CRD", () => {
  test.each([
    ["{}", "spec.serviceName"],
    ["{serviceName: s0, target: s0}", "target must be another Service than serviceName"],
    ["{serviceName: S_0}", "serviceName"],
    ["{serviceName: s0, port: 0}", "spec.port"],
    ["{serviceName: s0, port: 15021}", "Istio's proxy needs this port"],
    ["{serviceName: s0, loadBalancer: BEST}", "LEAST_REQUEST"],
    ["{serviceName: s0, protocol: UDP}", "spec.protocol"],
    ["{serviceName: s0, protocol: TCP, uri: {matchUriPrefix: /a, rewriteUri: /}}", "uri needs a protocol"],
    ["{serviceName: s0, uri: {matchUriPrefix: /a}}", "matchUriPrefix and rewriteUri go together"],
    ["{serviceName: s0, uri: {matchUriPrefix: a, rewriteUri: /}}", "matchUriPrefix"],
    ["{serviceName: s0, replicas: 2, autoscaling: {maxReplicas: 3}}", "replicas and autoscaling exclude each other"],
    [
      "{serviceName: s0, autoscaling: {minReplicas: 4, maxReplicas: 3}}",
      "minReplicas must not be more than maxReplicas",
    ],
    ["{serviceName: s0, weights: {mode: SLOW}}", "DELTA_GRPC"],
    ["{serviceName: s0, resources: {limits: {cpu: much}}}", "spec.resources.limits.cpu"],
    ["{serviceName: s0, unknown: 1}", "unknown field"],
  ])("refuses %s", async (spec, message) => {
    expect(await cluster.refusal(proxyService("default", spec, "bad"))).toContain(message);
  });

  test("refuses a name that its objects could not have, and another serviceName", async () => {
    const long = "a".repeat(51);
    expect(await cluster.refusal(proxyService("default", "{serviceName: s0}", long))).toContain(
      "at most 50 characters",
    );
    await cluster.apply(proxyService("default", "{serviceName: s0}", "fixed"));
    expect(await cluster.refusal(proxyService("default", "{serviceName: s1}", "fixed"))).toContain("cannot change");
    await cluster.server.kubectl(["delete", "ps", "fixed"]);
  });

  test("fills in defaults and lists with its short name", async () => {
    await cluster.apply(proxyService("default", "{serviceName: s0}", "small"));
    const made = await cluster.get<ProxyService>(RESOURCES.proxyServices, "default", "small");
    expect(made?.spec).toEqual({
      serviceName: "s0",
      port: 80,
      loadBalancer: "LEAST_REQUEST",
      protocol: "HTTP",
      weights: { enabled: true, mode: "DELTA_GRPC" },
      image: "auto",
    });
    expect(await cluster.server.kubectl(["get", "ps"])).toMatch(/^NAME +READY +TARGET +REPLICAS +AGE\nsmall /);
    await cluster.server.kubectl(["delete", "ps", "small"]);
  });
});

describe("the operator", { timeout: TEST_MS }, () => {
  test("waits for Istio and says so; then a whole life: ready, changed, drifted, deleted", async () => {
    await cluster.namespace("shop");
    await cluster.apply(SERVICE("shop"));
    const before = await shown("shop", "sn0");
    await cluster.apply(example("shop"));
    await withOperator([], async () => {
      await vi.waitFor(async () => {
        expect(await condition("shop", "IstioFound")).toMatchObject({
          status: "False",
          message: expect.stringContaining("install Istio"),
        });
      }, LONG);
      expect(await ours("shop")).toEqual([]);
      expect(await shown("shop", "sn0")).toBe(before);
      await cluster.installIstio();
      await ready("shop");

      const front = await service("shop", "sn0");
      const was = JSON.parse(before) as Service;
      expect(front.spec).toMatchObject({
        clusterIP: was.spec.clusterIP,
        selector: { ...GATEWAY, "evenkeel.io/namespace": "shop" },
      });
      expect(front.spec.ports).toMatchObject([{ port: 80, targetPort: 80, nodePort: was.spec.ports?.[0]?.nodePort }]);
      expect((await service("shop", "sn0-ep")).spec).toMatchObject({
        selector: { app: "s0" },
        ports: [{ targetPort: 8080 }],
      });
      expect(withoutVersions(await ours("shop"))).toEqual(
        [
          "Deployment ps-s0",
          "DestinationRule ps-s0-dr",
          "Gateway ps-s0-gw",
          "HorizontalPodAutoscaler ps-s0",
          "PodDisruptionBudget ps-s0",
          "Role ps-s0",
          "RoleBinding ps-s0",
          "Service sn0-ep",
          "ServiceAccount ps-s0",
          "VirtualService ps-s0-vs",
        ].sort(),
      );
      expect(await cluster.server.kubectl(["get", "ps", "-n", "shop"])).toMatch(/ps-s0 +True +sn0-ep +1 /);

      // Once the cluster's controllers are done, 5 s pass without a write to anything of ours.
      await vi.waitFor(async () => {
        const before = await versions("shop");
        await sleep(5000);
        expect(await versions("shop")).toEqual(before);
      }, LONG);

      await cluster.apply(
        proxyService(
          "shop",
          `{serviceName: sn0, loadBalancer: ROUND_ROBIN, target: sn0-ep, port: 80, uri: {matchUriPrefix: /api, rewriteUri: /},
            resources: {requests: {cpu: 1000m}}, autoscaling: {minReplicas: 2, maxReplicas: 3}}`,
        ),
      );
      await vi.waitFor(async () => {
        const rule = await cluster.get(RESOURCES.destinationRules, "shop", "ps-s0-dr");
        expect(rule?.spec).toMatchObject({ trafficPolicy: { loadBalancer: { simple: "ROUND_ROBIN" } } });
        const routes = await cluster.get(RESOURCES.virtualServices, "shop", "ps-s0-vs");
        expect(routes?.spec).toMatchObject({ http: [{ name: "ps-s0-rewrite" }, { name: "ps-s0-default-route" }] });
        const scaler = await cluster.get(RESOURCES.horizontalPodAutoscalers, "shop", "ps-s0");
        expect(scaler?.spec).toMatchObject({ minReplicas: 2, maxReplicas: 3 });
        expect((await condition("shop", "Ready"))?.observedGeneration).toBe(2);
      }, LONG);
      await ready("shop");

      await cluster.server.kubectl(["delete", "-n", "shop", "vs/ps-s0-vs", "service/sn0-ep"]);
      await cluster.server.kubectl([
        "patch",
        "-n",
        "shop",
        "dr/ps-s0-dr",
        "--type=merge",
        "-p",
        '{"spec":{"host":"x"}}',
      ]);
      await cluster.apply(SERVICE("shop"));
      await vi.waitFor(async () => {
        expect(await cluster.get(RESOURCES.virtualServices, "shop", "ps-s0-vs")).toBeDefined();
        expect((await service("shop", "sn0-ep")).spec.selector).toEqual({ app: "s0" });
        const rule = await cluster.get(RESOURCES.destinationRules, "shop", "ps-s0-dr");
        expect(rule?.spec).toMatchObject({ host: "sn0-ep.shop.svc.cluster.local" });
        const { selector, ports } = (await service("shop", "sn0")).spec;
        expect(selector).toEqual({ ...GATEWAY, "evenkeel.io/namespace": "shop" });
        expect(ports).toMatchObject([{ port: 80, targetPort: 80 }]);
      }, LONG);
      const events = await cluster.server.kubectl(["get", "events", "-n", "shop", "-o", "jsonpath={..reason}"]);
      for (const reason of ["ApiMissing", "LeadsToGateway", "DriftRepaired"]) expect(events).toContain(reason);

      await cluster.server.kubectl(["delete", "ps", "-n", "shop", "ps-s0", "--wait=false"]);
      await gone("shop");
      expect(await shown("shop", "sn0")).toBe(before);
      expect(await ours("shop")).toEqual([]);
    });
  });

  test("what cannot be done touches nothing", async () => {
    await cluster.namespace("refused");
    const bare =
      "{apiVersion: v1, kind: Service, metadata: {name: sn0, namespace: refused}, spec: {ports: [{port: 80}]}}";
    await cluster.apply(bare);
    await cluster.apply(example("refused"));
    await withOperator([], async () => {
      const found = (reason: string, name?: string) =>
        vi.waitFor(async () => expect(await condition("refused", "Ready", name)).toMatchObject({ reason }), LONG);
      await found("NoSelector");
      await cluster.server.kubectl(["delete", "service", "-n", "refused", "sn0"]);
      await found("TargetMissing");
      await cluster.server.kubectl(["create", "deployment", "-n", "refused", "ps-s0", "--image=theirs"]);
      await cluster.apply(SERVICE("refused"));
      await found("NameTaken");
      expect(await ours("refused")).toEqual([]);
      await cluster.server.kubectl(["delete", "deployment", "-n", "refused", "ps-s0"]);
      // Of two for one Service the older one has it, until it goes.
      await sleep(1100);
      await cluster.apply(proxyService("refused", "{serviceName: sn0}", "second"));
      await found("ServiceClaimed", "second");
      await found("Serving");
      await cluster.server.kubectl(["delete", "ps", "-n", "refused", "ps-s0", "--wait=false"]);
      await found("Serving", "second");
      await cluster.server.kubectl(["delete", "ps", "-n", "refused", "second", "--wait=false"]);
      await vi.waitFor(async () => expect(await ours("refused")).toEqual([]), LONG);
    });
  });

  test("a Service that is not there is made; fixed replicas go over to the autoscaler without falling", async () => {
    await cluster.namespace("made");
    const target = SERVICE("made").replace("name: sn0", "name: sn0-ep").replace("type: NodePort, ", "");
    await cluster.apply(target);
    const before = await shown("made", "sn0-ep");
    await cluster.apply(proxyService("made", "{serviceName: sn0, target: sn0-ep, replicas: 3}"));
    await withOperator(["--xds-address", "192.0.2.1:18000", "--xds-identity", "none"], async () => {
      await ready("made");
      expect((await service("made", "sn0")).spec.ports?.map(({ port }) => port)).toEqual([80, 15_021, 443]);
      // A control plane outside the cluster is taken to answer.
      expect(await condition("made", "WeightsLive")).toMatchObject({ status: "True" });
      expect(await cluster.get(RESOURCES.envoyFilters, "made", "ps-s0-eds")).toBeDefined();
      const replicas = async () => {
        const spec = (await cluster.get(RESOURCES.deployments, "made", "ps-s0"))?.spec;
        return (spec as { replicas?: number } | undefined)?.replicas;
      };
      expect(await replicas()).toBe(3);
      await cluster.server.kubectl([
        "patch",
        "ps",
        "-n",
        "made",
        "ps-s0",
        "--type=json",
        "-p",
        '[{"op":"remove","path":"/spec/replicas"}]',
      ]);
      await vi.waitFor(async () => {
        expect(await cluster.get(RESOURCES.horizontalPodAutoscalers, "made", "ps-s0")).toBeDefined();
        const live = await cluster.get(RESOURCES.deployments, "made", "ps-s0");
        expect(live?.metadata.annotations).not.toHaveProperty("evenkeel.io/fixed-replicas");
      }, LONG);
      expect(await replicas()).toBe(3);
      await cluster.server.kubectl(["delete", "ps", "-n", "made", "ps-s0", "--wait=false"]);
      await gone("made");
      expect(await shown("made", "sn0-ep")).toBe(before);
      expect(await cluster.get(RESOURCES.services, "made", "sn0")).toBeUndefined();
      expect(await ours("made")).toEqual([]);
    });
  });

  test("killed on the way in and on the way out, another replica goes on", async () => {
    await cluster.namespace("killed");
    await cluster.apply(SERVICE("killed"));
    const before = await shown("killed", "sn0");
    const lease = ["--lease-duration", "3s"];
    const first = await cluster.operator("--identity", "first", ...lease);
    await vi.waitFor(async () => {
      const held = await cluster.get(RESOURCES.leases, "evenkeel", "proxy-service-operator");
      expect(held?.spec).toMatchObject({ holderIdentity: "first" });
    }, LONG);
    const second = await cluster.operator("--identity", "second", ...lease);
    try {
      await cluster.apply(example("killed"));
      await vi.waitFor(async () => expect((await ours("killed")).length).toBeGreaterThan(0), LONG);
      first.signal("SIGKILL");
      await ready("killed");
      const held = await cluster.get(RESOURCES.leases, "evenkeel", "proxy-service-operator");
      expect(held?.spec).toMatchObject({ holderIdentity: "second" });
      await cluster.server.kubectl(["delete", "ps", "-n", "killed", "ps-s0", "--wait=false"]);
      await vi.waitFor(async () => expect((await service("killed", "sn0")).spec.selector).toEqual({ app: "s0" }), LONG);
      second.signal("SIGKILL");
      await second.exited;
      await withOperator(["--identity", "third", ...lease], () => gone("killed"));
      expect(await shown("killed", "sn0")).toBe(before);
      expect(await ours("killed")).toEqual([]);
    } finally {
      await Promise.all([first.stop(), second.stop()]);
    }
  });

  test("a replica that stops gives its lease up", async () => {
    const held = async () =>
      ((await cluster.get(RESOURCES.leases, "evenkeel", "proxy-service-operator"))?.spec ?? {}) as {
        holderIdentity?: string;
      };
    // Far longer than the test waits: only a lease that was given up can be taken.
    const lease = ["--lease-duration", "10m"];
    await withOperator(["--identity", "a", ...lease], () =>
      vi.waitFor(async () => expect((await held()).holderIdentity).toBe("a"), LONG),
    );
    expect((await held()).holderIdentity).toBe("");
    await withOperator(["--identity", "b", ...lease], () =>
      vi.waitFor(async () => expect((await held()).holderIdentity).toBe("b"), LONG),
    );
  });
});
