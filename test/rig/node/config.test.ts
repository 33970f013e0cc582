import { expect, test } from "vitest";
import { parse } from "yaml";
import { certificatePaths } from "../certificates.ts";
import { cniConfig, containerdConfig, kubeletConfig, nodeServices, PAUSE_IMAGE } from "./config.ts";

test("kubelet keeps to its own control group and asks the API server who may do what", () => {
  const config = parse(kubeletConfig("/rig", certificatePaths("/rig/certificates"), "evenkeel-rig-x"));
  expect(config).toMatchObject({
    cgroupRoot: "/evenkeel-rig-x",
    containerRuntimeEndpoint: "unix:///rig/ctd/c.sock",
    authentication: { anonymous: { enabled: false }, x509: { clientCAFile: "/rig/certificates/ca.crt" } },
    authorization: { mode: "Webhook" },
    failCgroupV1: false,
  });
});

test("containerd keeps all it has in the rig's folder and needs no registry for a pod's sandbox", () => {
  const config = containerdConfig("/rig", "/cache/bin/cni");
  expect(config).toContain('root = "/rig/ctd/root"');
  expect(config).toContain('address = "/rig/ctd/c.sock"');
  expect(config).toContain(`sandbox = "${PAUSE_IMAGE}"`);
  expect(config).toContain('bin_dirs = ["/cache/bin/cni"]');
});

test("pods get their addresses on a bridge", () => {
  const config = JSON.parse(cniConfig()) as { plugins: { type: string }[] };
  expect(config.plugins.map((plugin) => plugin.type)).toEqual(["bridge", "portmap"]);
});

test("kubelet and kube-proxy call the node by the same name", () => {
  const services = nodeServices("/rig", { kubelet: "/bin/kubelet", "kube-proxy": "/bin/kube-proxy" });
  const names = services.map((service) => service.args.find((word) => word.startsWith("--hostname-override=")));
  expect(names).toHaveLength(2);
  expect(new Set(names).size).toBe(1);
});
