import { stringify } from "yaml";
import type { Certificates } from "../certificates.ts";
import { DNS_ADDRESS, NODE_ADDRESS, NODE_NAME, POD_RANGE, paths } from "../place.ts";
import type { Programs } from "../programs/programs.ts";
import type { ServiceSpec } from "../state.ts";

export const PAUSE_IMAGE = "docker.io/evenkeel/pause:rig";

/**
 * containerd's settings. Its programs (shim, runc) are found on PATH.
 * @param folder the rig's folder
 * @param cniFolder where the CNI plugins are
 */
export function containerdConfig(folder: string, cniFolder: string): string {
  const { containerd, containerdSocket, cni } = paths(folder);
  return `version = 3
root = "${containerd}/root"
state = "${containerd}/state"

[grpc]
address = "${containerdSocket}"

[plugins."io.containerd.cri.v1.images"]
snapshotter = "overlayfs"

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "${PAUSE_IMAGE}"

[plugins."io.containerd.cri.v1.runtime"]
# A rig that itself runs in a container may not lower scores.
restrict_oom_score_adj = true

[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["${cniFolder}"]
conf_dir = "${cni}"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
`;
}

/** The network of the pods: one bridge, as there is one node. */
export function cniConfig(): string {
  const bridge = {
    type: "bridge",
    bridge: "cni0",
    isGateway: true,
    hairpinMode: true,
    ipMasq: false,
    ipam: { type: "host-local", ranges: [[{ subnet: POD_RANGE }]], routes: [{ dst: "0.0.0.0/0" }] },
  };
  const portmap = { type: "portmap", capabilities: { portMappings: true } };
  return JSON.stringify({ cniVersion: "1.0.0", name: "rig", plugins: [bridge, portmap] });
}

/** kubelet's settings, as YAML. */
export function kubeletConfig(folder: string, certificates: Certificates, cgroup: string): string {
  const { containerdSocket } = paths(folder);
  return stringify({
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    failCgroupV1: false,
    cgroupDriver: "cgroupfs",
    cgroupRoot: `/${cgroup}`,
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: certificates.ca },
    },
    authorization: { mode: "Webhook" },
    failSwapOn: false,
    clusterDNS: [DNS_ADDRESS],
    clusterDomain: "cluster.local",
    // Pods with the node's own DNS get none: the machine's name servers are out of reach.
    resolvConf: "",
    // The machine's disk is its owner's concern.
    evictionHard: { "memory.available": "200Mi" },
    imageGCHighThresholdPercent: 100,
    localStorageCapacityIsolation: false,
    registerWithTaints: [],
  });
}

/** The node's parts beside containerd. */
export function nodeServices(folder: string, programs: Programs): ServiceSpec[] {
  const { kubeconfig, kubelet, kubeletConfig } = paths(folder);
  return [
    {
      name: "kubelet",
      program: programs.kubelet as string,
      args: [
        `--config=${kubeletConfig}`,
        `--kubeconfig=${kubeconfig}`,
        `--root-dir=${kubelet}`,
        `--hostname-override=${NODE_NAME}`,
        `--node-ip=${NODE_ADDRESS}`,
      ],
    },
    {
      name: "kube-proxy",
      program: programs["kube-proxy"] as string,
      args: [
        `--kubeconfig=${kubeconfig}`,
        `--hostname-override=${NODE_NAME}`,
        "--proxy-mode=iptables",
        `--cluster-cidr=${POD_RANGE}`,
        // The machine's own conntrack limits stay as they are.
        "--conntrack-max-per-core=0",
      ],
    },
  ];
}

export function containerdService(folder: string, programs: Programs): ServiceSpec {
  const args = ["--config", paths(folder).containerdConfig];
  return { name: "containerd", program: programs.containerd as string, args };
}
