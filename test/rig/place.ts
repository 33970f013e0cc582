import { join } from "node:path";
import { EvenkeelError } from "../../common/errors.ts";
import { rigCache } from "./cache.ts";
import type { ControlPlanePlace } from "./control-plane.ts";

/** The node's address inside the rig's network namespace; pods reach what runs on the node there. */
export const NODE_ADDRESS = "10.99.0.1";
export const NODE_NAME = "rig";
export const POD_RANGE = "10.244.0.0/24";
/** Where the cluster's DNS answers. */
export const DNS_ADDRESS = "10.0.0.10";

/** The longest path of a folder that containerd's sockets still fit under: unix(7) allows 107 bytes. */
const LONGEST_FOLDER = 70;

/** Folder of a rig's state. */
export const stateFolder = (name: string, env?: NodeJS.ProcessEnv): string => join(rigCache(env), "state", name);

/** Paths under a rig's folder. */
export function paths(folder: string) {
  return {
    state: join(folder, "state.json"),
    logs: join(folder, "logs"),
    kubeconfig: join(folder, "kubeconfig"),
    containerd: join(folder, "ctd"),
    containerdSocket: join(folder, "ctd", "c.sock"),
    containerdConfig: join(folder, "containerd.toml"),
    cni: join(folder, "cni"),
    kubelet: join(folder, "kubelet"),
    kubeletConfig: join(folder, "kubelet.yaml"),
    resolvConf: join(folder, "resolv.conf"),
    corefile: join(folder, "Corefile"),
    /** What replaces the machine's own folders, in the rig's mount namespace alone. */
    private: join(folder, "private"),
  };
}

/** A name that can stand in folder, cgroup and image names. @throws EvenkeelError EK_SETTING_INVALID */
export function checkName(name: string): string {
  if (/^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$/.test(name)) return name;
  throw new EvenkeelError("EK_SETTING_INVALID", `${JSON.stringify(name)} is not a rig's name`, {
    where: "--name",
    next: "use up to 20 small letters, digits and dashes",
  });
}

/** @throws EvenkeelError EK_SETTING_INVALID when the cache lies too deep for sockets */
export function checkFolder(folder: string): void {
  if (Buffer.byteLength(folder) <= LONGEST_FOLDER) return;
  throw new EvenkeelError("EK_SETTING_INVALID", `${folder} is too long for the sockets that go into it`, {
    where: "EVENKEEL_CACHE",
    next: `set EVENKEEL_CACHE to a shorter path: the rig's folder may have ${LONGEST_FOLDER} characters`,
  });
}

/** The control plane of a node's rig: fixed ports, as the network namespace is its own. */
export function nodeControlPlane(folder: string): ControlPlanePlace {
  return {
    folder,
    bindAddress: "0.0.0.0",
    advertiseAddress: NODE_ADDRESS,
    address: NODE_ADDRESS,
    apiPort: 6443,
    etcdPort: 2379,
    etcdPeerPort: 2380,
  };
}
