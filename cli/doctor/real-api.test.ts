import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { connectKubernetes } from "../../common/kubernetes/client.ts";
import { RESOURCES, type Target } from "../../common/kubernetes/resource-type.ts";
import { exitCodeOf } from "./check.ts";
import { ClusterUnderTest } from "./cluster-under-test.ts";
import {
  CONTROL_PLANE,
  client,
  healthyAnswers,
  healthyFleet,
  healthyObjects,
  NAMESPACES,
  pod,
  source,
  WORKER,
  workerMetrics,
} from "./look-alike.ts";
import { main } from "./main.ts";

/** Programs that are not in the cache yet are built first. */
const BUILD_MS = 3_600_000;
const TEST_MS = 120_000;
const HOUR_MS = 3_600_000;

let cluster: ClusterUnderTest;

beforeAll(async () => {
  cluster = await ClusterUnderTest.start();
  await cluster.installKinds();
  for (const namespace of NAMESPACES) {
    await cluster.server.kubectl(["create", "namespace", namespace]);
    await cluster.server.kubectl(["create", "serviceaccount", "default", "-n", namespace]);
  }
  for (const object of healthyObjects()) await cluster.create(object);
  for (const [place, body] of healthyAnswers()) cluster.answers.set(place, body);
}, BUILD_MS);

afterAll(async () => {
  await cluster?.stop();
}, 60_000);

const at = (kind: keyof typeof RESOURCES, key: string): Target => {
  const [namespace, name] = key.split("/");
  return { resource: RESOURCES[kind], namespace, name };
};
const ago = (ms: number) => new Date(Date.now() - ms).toISOString().replace(/\.\d+/, "");
const condition = (type: string, status: string, reason: string, message = "") => ({
  type,
  status,
  reason,
  message,
  lastTransitionTime: ago(HOUR_MS),
});
/** The state of a container, as the kubelet reports it. */
const container = (name: string, state: object) => [
  { name, ready: false, restartCount: 9, image: "i", imageID: "i", ...state },
];
const waits = (reason: string, message: string) => ({ state: { waiting: { reason, message } } });

type Undo = () => Promise<void>;
interface Fault {
  readonly name: string;
  readonly plant: () => Promise<Undo>;
  /** The checks of the findings, with a piece of what the finding says. */
  readonly finds: Readonly<Record<string, string>>;
}

/** Plants several; undone from the last to the first. */
const all = async (...planted: Promise<Undo>[]): Promise<Undo> => {
  const undos = await Promise.all(planted);
  return async () => {
    for (const undo of undos.reverse()) await undo();
  };
};
const created = async (object: Parameters<ClusterUnderTest["create"]>[0], target: Target): Promise<Undo> => {
  await cluster.create(object);
  return async () => void (await cluster.delete(target));
};

const FAULTS: readonly Fault[] = [
  {
    name: "an image that cannot be pulled, and what it makes unready",
    plant: () =>
      all(
        cluster.patchStatus(at("pods", "uploads/worker-1"), {
          conditions: [condition("Ready", "False", "ContainersNotReady")],
          containerStatuses: container("worker", waits("ImagePullBackOff", "not found")),
        }),
        cluster.patchStatus(at("deployments", "uploads/proxy-worker"), { readyReplicas: 0, availableReplicas: 0 }),
        cluster.patch(at("endpointSlices", "uploads/proxy-workers"), { endpoints: [] }),
      ),
    finds: { "image-pull": "evenkeel/evenkeel:0.1.0" },
  },
  {
    name: "a control plane that crashes",
    plant: () =>
      cluster.patchStatus(at("pods", "evenkeel/cp-1"), {
        conditions: [condition("Ready", "False", "ContainersNotReady")],
        containerStatuses: container("control-plane", {
          ...waits("CrashLoopBackOff", "back-off"),
          lastState: { terminated: { reason: "Error", exitCode: 1, finishedAt: ago(60_000) } },
        }),
      }),
    finds: { "crash-loop": "9 restarts; last end: Error 1" },
  },
  {
    name: "no control plane",
    plant: () =>
      all(
        cluster.delete(at("deployments", "evenkeel/evenkeel-control-plane")),
        cluster.delete(at("pods", "evenkeel/cp-1")),
      ),
    finds: { installed: "kubectl apply -k manifests/overlays/istio" },
  },
  {
    name: "pods that Pod Security refuses",
    plant: () =>
      cluster.patchStatus(at("deployments", "uploads/proxy-worker"), {
        conditions: [condition("ReplicaFailure", "True", "FailedCreate", 'violates PodSecurity "restricted:latest"')],
      }),
    finds: { "refused-pods": "kubectl label namespace uploads" },
  },
  {
    name: "a gateway that is not ready, and its ProxyService",
    plant: () =>
      all(
        cluster.patchStatus(at("pods", "shop/ps-s0-1"), { conditions: [condition("Ready", "False", "x", "waits")] }),
        cluster.patchStatus(at("proxyServices", "shop/ps-s0"), {
          conditions: [condition("Ready", "False", "NotAvailable", "0 of 1 pods ready")],
        }),
      ),
    finds: { "not-ready": "ps-s0 is not ready" },
  },
  {
    name: "istiod that is not ready",
    plant: () => cluster.patch(at("endpointSlices", "istio-system/istiod"), { endpoints: [] }),
    finds: { istio: "istiod is not ready" },
  },
  {
    name: "an operator without a leader",
    plant: () =>
      cluster.patch(at("leases", "evenkeel/proxy-service-operator"), {
        spec: {
          leaseDurationSeconds: 15,
          renewTime: new Date(Date.now() - HOUR_MS).toISOString().replace("Z", "000Z"),
        },
      }),
    finds: { lease: "op-1 holds it and has not renewed it" },
  },
  {
    name: "two ProxyServices for one Service",
    plant: () =>
      created(
        {
          apiVersion: "msvcbench.io/v1alpha1",
          kind: "ProxyService",
          metadata: { name: "twin", namespace: "shop" },
          ...{ spec: { serviceName: "sn0", target: "sn0-ep" } },
          status: { conditions: [condition("Ready", "False", "ServiceClaimed", "taken over by ps-s0 already")] },
        },
        at("proxyServices", "shop/twin"),
      ),
    finds: { "claimed-twice": "kubectl delete proxyservice twin -n shop" },
  },
  {
    name: "a ProxyService whose ports do not match",
    plant: () =>
      cluster.patchStatus(at("proxyServices", "shop/ps-s0"), {
        conditions: [
          condition("Ready", "False", "PortMismatch", "Service sn0 has no port 80, only 8080; set spec.port"),
        ],
      }),
    finds: { "proxy-service": "the ports do not match" },
  },
  {
    name: "a target without endpoints",
    plant: () => cluster.patch(at("endpointSlices", "shop/sn0-ep"), { endpoints: [] }),
    finds: { endpoints: "Service sn0-ep leads to no pod" },
  },
  {
    name: "a bootstrap override whose ConfigMap is gone",
    plant: () => cluster.delete(at("configMaps", "shop/ps-s0-bootstrap")),
    finds: { bootstrap: "a ConfigMap that does not exist" },
  },
  {
    name: "a gateway without the annotation",
    plant: () =>
      cluster.patch(at("deployments", "shop/ps-s0"), {
        spec: { template: { metadata: { annotations: { "sidecar.istio.io/bootstrapOverride": null } } } },
      }),
    finds: { bootstrap: "bootstrap does not name the control plane" },
  },
  {
    name: "an EnvoyFilter for a port that there is not",
    plant: async () => {
      const { items } = await cluster.admin.json<{ items: { spec: { configPatches: unknown[] } }[] }>({
        verb: "list",
        target: { resource: RESOURCES.envoyFilters, namespace: "shop" },
      });
      const configPatches = structuredClone(items[0]?.spec.configPatches) as {
        match: { cluster: { portNumber: number } };
      }[];
      for (const each of configPatches) each.match.cluster.portNumber = 8081;
      return cluster.patch(at("envoyFilters", "shop/ps-s0-eds"), { spec: { configPatches } });
    },
    finds: { "envoy-filter": "it is for port 8081, and Service shop/sn0-ep has 80" },
  },
  {
    name: "endpoints that an Envoy refuses",
    plant: async () => cluster.answer(`${CONTROL_PLANE}/clients`, JSON.stringify([client("malformed address")])),
    finds: { "eds-rejected": "malformed address" },
  },
  {
    name: "a NetworkPolicy that cuts xDS",
    plant: async () => {
      const from = [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "uploads" } } }];
      const policy = {
        apiVersion: "networking.k8s.io/v1",
        kind: "NetworkPolicy",
        metadata: { name: "tight", namespace: "evenkeel" },
        spec: { podSelector: { matchLabels: { app: "cp" } }, ingress: [{ from }] },
      };
      await cluster.server.kubectl(["apply", "-f", "-"], JSON.stringify(policy));
      return async () => void (await cluster.server.kubectl(["delete", "networkpolicy", "tight", "-n", "evenkeel"]));
    },
    finds: { "network-policy": "ps-s0 cannot reach the control plane (xDS)" },
  },
  {
    name: "an agent that sees only itself, and the figures that are missing for it",
    plant: async () => {
      const agent = { name: "agent", args: ["cli/evenkeel.ts", "agent"] };
      const target = at("pods", "shop/s0-1");
      const again = await cluster.delete(target);
      const annotations = { "evenkeel.io/agent-port": "9091" };
      await cluster.create(
        pod("shop/s0-1", "10.1.0.21", [{ name: "app" }, agent], { labels: { app: "s0" }, annotations }),
      );
      const silent = cluster.answer(`${CONTROL_PLANE}/fleet`, JSON.stringify(withoutCpu()));
      return async () => {
        await silent();
        await cluster.delete(target);
        await again();
      };
    },
    finds: { agents: "shareProcessNamespace is not true" },
  },
  {
    name: "figures that are missing",
    plant: async () => cluster.answer(`${CONTROL_PLANE}/fleet`, JSON.stringify(withoutCpu())),
    finds: { signals: "10.1.0.21:8080: no figure" },
  },
  {
    name: "figures that are old",
    plant: async () =>
      cluster.answer(
        `${CONTROL_PLANE}/fleet`,
        JSON.stringify(healthyFleet({ utilisation: 0.4, source: "agent", ageMs: 60_000 })),
      ),
    finds: { signals: "60 s old, from agent" },
  },
  {
    name: "kubelets that are forbidden, and the figures that are missing for it",
    plant: () =>
      all(
        Promise.resolve(cluster.answer(`${CONTROL_PLANE}/fleet`, JSON.stringify(withoutCpu()))),
        Promise.resolve(cluster.answer(`${CONTROL_PLANE}/signals`, JSON.stringify([source("forbidden")]))),
      ),
    finds: { "cpu-sources": "bind the account to a ClusterRole" },
  },
  {
    name: "no metrics API, and the autoscalers without figures",
    plant: async () => {
      const name = "nodes.metrics.k8s.io";
      const definition = { resource: RESOURCES.customResourceDefinitions, name };
      const again = await cluster.delete(definition);
      await cluster.whenServed(RESOURCES.nodeMetrics, false);
      const undo = await cluster.patchStatus(at("horizontalPodAutoscalers", "uploads/proxy-worker-hpa"), {
        conditions: [condition("ScalingActive", "False", "FailedGetResourceMetric", "could not find the resource")],
      });
      return async () => {
        await undo();
        await again();
        await cluster.whenServed(RESOURCES.nodeMetrics, true);
      };
    },
    finds: { "metrics-api": "the metrics API is missing" },
  },
  {
    name: "an autoscaler whose pods ask for no CPU",
    plant: () =>
      cluster.patchStatus(at("horizontalPodAutoscalers", "uploads/proxy-worker-hpa"), {
        conditions: [
          condition(
            "ScalingActive",
            "False",
            "FailedGetResourceMetric",
            "missing request for cpu in container worker of Pod x",
          ),
        ],
      }),
    finds: { autoscaler: "kubectl patch deployment/proxy-worker -n uploads" },
  },
  {
    name: "a scaler that KEDA cannot reach, and the ScaledJob that is not ready for it",
    plant: () =>
      all(
        cluster.delete(at("services", "posture/posture-external-scaler")),
        cluster.patchStatus(at("scaledJobs", "posture/posture-analyzer-job-0"), {
          conditions: [{ type: "Ready", status: "False", reason: "ScaledJobCheckFailed", message: "no such host" }],
        }),
      ),
    finds: { "scaler-address": "there is no Service posture/posture-external-scaler" },
  },
  {
    name: "a worker that was killed for its memory",
    plant: () =>
      cluster.patchStatus(at("pods", "uploads/worker-1"), {
        containerStatuses: container("worker", {
          ready: true,
          state: { running: { startedAt: ago(60_000) } },
          lastState: { terminated: { reason: "OOMKilled", exitCode: 137, finishedAt: ago(60_000) } },
        }),
      }),
    finds: { restarts: "EVENKEEL_WORKER_CONCURRENCY=1" },
  },
  {
    name: "a deep queue",
    plant: async () => cluster.answer(`${WORKER}/metrics`, workerMetrics(15, 40)),
    finds: { queue: "15 of 16 places taken" },
  },
  {
    name: "a worker near its limit of open files",
    plant: async () => cluster.answer(`${WORKER}/metrics`, workerMetrics(0, 1000)),
    finds: { descriptors: "1000 of 1024 are open" },
  },
  {
    name: "a root certificate that has expired",
    plant: () =>
      created(
        {
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: { name: "istio-ca-root-cert", namespace: "evenkeel" },
          ...{ data: { "root-cert.pem": EXPIRED } },
        },
        at("configMaps", "evenkeel/istio-ca-root-cert"),
      ),
    finds: { certificates: "CN=expired: valid until 2020-02-01" },
  },
];

describe("a cluster that is well", () => {
  test(
    "gives no finding, and role.yaml is enough to look at all of it",
    async () => {
      const seen = await cluster.examine();
      expect(seen).toMatchObject({ findings: [], unseen: [] });
      expect(exitCodeOf(seen)).toBe(0);
      // Requests to pods end in the test's own server: that the role allows them is asked for.
      const may = [
        "auth",
        "can-i",
        "get",
        "pods",
        "--subresource=proxy",
        "--as=system:serviceaccount:who:doctor",
        "-A",
      ];
      expect((await cluster.server.kubectl(may)).trim()).toBe("yes");
    },
    TEST_MS,
  );

  test.each(FAULTS)(
    "with $name",
    async ({ plant, finds }) => {
      const undo = await plant();
      try {
        const seen = await cluster.examine();
        expect(seen.unseen).toEqual([]);
        const found = Object.fromEntries(
          seen.findings.map((finding) => [finding.check, Object.values(finding).join(" ")]),
        );
        const expected = Object.entries(finds).map(([check, text]) => [check, expect.stringContaining(text)]);
        expect(found).toEqual(Object.fromEntries(expected));
        expect(seen.findings).toHaveLength(expected.length);
        expect(exitCodeOf(seen)).toBe(1);
      } finally {
        await undo();
      }
    },
    TEST_MS,
  );

  test(
    "is well again when all of that is mended",
    async () => {
      expect(await cluster.examine()).toMatchObject({ findings: [], unseen: [] });
      expect(await cluster.examine("shop")).toMatchObject({ findings: [], unseen: [] });
    },
    TEST_MS,
  );
});

describe("a cluster that cannot be looked at", () => {
  test(
    "by an account without rights: each missing right with its rule",
    async () => {
      await cluster.server.kubectl(["create", "serviceaccount", "nobody", "-n", "who"]);
      const nobody = connectKubernetes({
        kubeconfig: await cluster.server.kubeconfigFor("who", "nobody"),
        context: "",
      });
      const seen = await cluster.examine("", nobody);
      nobody.close();
      expect(exitCodeOf(seen)).toBe(2);
      expect(seen.unseen.map(({ check }) => check)).toEqual(seen.checks);
      const rule = expect.stringContaining("bind system:serviceaccount:who:nobody to a ClusterRole with the rule");
      expect(seen.unseen[0]).toMatchObject({ why: expect.stringContaining("EK_KUBE_FORBIDDEN"), next: rule });
    },
    TEST_MS,
  );

  test(
    "because its API server is away",
    async () => {
      await cluster.server.killApiServer();
      const seen = await cluster.examine();
      expect(seen.findings).toEqual([]);
      expect(seen.unseen.map(({ check }) => check)).toEqual(seen.checks);
      expect(seen.unseen[0]?.why).toContain("EK_KUBE_UNREACHABLE");
      const written: string[] = [];
      const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => written.push(String(text)) > 0);
      try {
        expect(await main(["--kubeconfig", cluster.server.kubeconfig, "--json"])).toBe(2);
        expect(await main(["--kubeconfig", "/nowhere/at/all"])).toBe(2);
      } finally {
        write.mockRestore();
      }
      expect(JSON.parse(written[0] ?? "")).toMatchObject({
        findings: [],
        unseen: seen.unseen.map(({ check }) => ({ check })),
      });
      expect(written[1]).toContain("EK_KUBE_CONFIG /nowhere/at/all");
    },
    TEST_MS,
  );
});

function withoutCpu(): unknown {
  const fleet = structuredClone(healthyFleet()) as unknown as { clusters: { endpoints: { cpu?: object }[] }[] };
  for (const { endpoints } of fleet.clusters) for (const endpoint of endpoints) delete endpoint.cpu;
  return fleet;
}

const EXPIRED = `-----BEGIN CERTIFICATE-----
MIIBCzCBsgIBATAKBggqhkjOPQQDAjASMRAwDgYDVQQDDAdleHBpcmVkMB4XDTIw
MDEwMTAwMDAwMFoXDTIwMDIwMTAwMDAwMFowEjEQMA4GA1UEAwwHZXhwaXJlZDBZ
MBMGByqGSM49AgEGCCqGSM49AwEHA0IABD6lOI0K3s0NWLPLIbcnX4jFfybvM0CP
XqqLPz8ev0Byul78/W1p3K+ZG1wXmLQaQpadIIaFJlmy3RLWp8srSJ8wCgYIKoZI
zj0EAwIDSAAwRQIhANhccgFi5gE2F44mhE5QXWW8ItsPH8tTI3dh2KSvEwCIAiBN
0KZf0vTtZlth68UfQHE62PN1fGy/dDAGWK1XPJvL6g==
-----END CERTIFICATE-----
`;
