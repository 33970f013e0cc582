import { expect, it } from "vitest";
import { installationOf } from "./installation.ts";
import type { Controller } from "./objects.ts";
import { pod, proxyService } from "./testing.ts";

const deployment = (
  key: string,
  args: readonly string[] = [],
  labels: Record<string, string> = {},
  podLabels: Record<string, string> = { app: key.split("/")[1] ?? "" },
): Controller => {
  const [namespace = "", name = ""] = key.split("/");
  const template = { metadata: { labels: podLabels }, spec: { containers: [{ name: "c", args }] } };
  return { metadata: { namespace, name, labels }, spec: { selector: { matchLabels: podLabels }, template } };
};
const seen = {
  statefulSets: [],
  pods: [],
  services: [],
  proxyServices: [],
  systemNamespace: "evenkeel",
};

it.each([
  ["control-plane", deployment("a/x", ["cli/evenkeel.ts", "control-plane"])],
  ["operator", deployment("a/proxy-service-operator")],
  ["worker", deployment("a/x", ["cli/evenkeel.ts", "worker"])],
  ["worker", deployment("a/proxy-worker", ["serve"])],
  ["front", deployment("a/x", ["cli/evenkeel.ts", "envoy"])],
  ["gateway", deployment("a/ps-s0", [], { "msvcbench.io/proxyservice": "ps-s0" })],
  ["other", deployment("evenkeel/x")],
  ["other", deployment("a/x", [], { "app.kubernetes.io/part-of": "evenkeel" })],
  [undefined, deployment("kube-system/coredns")],
])("%s", (role, controller) => {
  const { workloads } = installationOf({ ...seen, deployments: [controller] });
  expect(workloads.map((workload) => workload.role)).toEqual(role === undefined ? [] : [role]);
});

it("finds pods by their Deployment's selector, and those behind a ProxyService by its target's", () => {
  const services = [{ metadata: { name: "sn0-ep", namespace: "shop" }, spec: { selector: { app: "s0" } } }];
  const ending = pod("shop/s0-old", { labels: { app: "s0" } });
  const pods = [
    pod("shop/s0-1", { labels: { app: "s0" } }),
    { ...ending, metadata: { ...ending.metadata, deletionTimestamp: "2026-06-01T11:59:00Z" } },
    pod("other/s0-1", { labels: { app: "s0" } }),
    pod("shop/lonely", { labels: { app: "s0", loose: "yes" } }),
  ];
  const found = installationOf({
    ...seen,
    services,
    pods: pods.slice(0, 3),
    proxyServices: [proxyService("ps-s0")],
    deployments: [deployment("shop/s0", [], {}, { app: "s0" })],
  });
  expect(found.workloads).toMatchObject([{ key: "Deployment shop/s0", role: "backend" }]);
  expect(found.workloads[0]?.pods.map(({ metadata }) => metadata.name)).toEqual(["s0-1"]);
  const loose = installationOf({
    ...seen,
    services,
    pods: pods.slice(3),
    proxyServices: [proxyService("ps-s0")],
    deployments: [],
  });
  expect(loose.workloads).toMatchObject([{ key: "Pod shop/lonely", role: "backend" }]);
});
