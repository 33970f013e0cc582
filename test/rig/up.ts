import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { freePorts } from "../../common/ports.ts";
import { type Progress, platformCache } from "./cache.ts";
import { type ControlPlanePlace, controlPlaneFiles, prepareControlPlane } from "./control-plane.ts";
import { requireAlive, startControlPlane } from "./control-plane-services.ts";
import { type ExtraName, extraPrograms, startExtras } from "./extras/extras.ts";
import { packImage } from "./images/archive.ts";
import { importImage } from "./images/import.ts";
import { pauseImage } from "./images/pause.ts";
import type { Lock } from "./lock.ts";
import { cgroupName, makeCgroups } from "./node/cgroups.ts";
import { cniConfig, containerdConfig, containerdService, kubeletConfig, nodeServices } from "./node/config.ts";
import { makeSandbox } from "./node/sandbox.ts";
import { nodeControlPlane, paths } from "./place.ts";
import { self } from "./process-table.ts";
import { iptablesFolder } from "./programs/iptables.ts";
import { findPrograms, type Programs } from "./programs/programs.ts";
import { waitUntil } from "./ready.ts";
import { makeSession, type Session } from "./session.ts";
import type { RigState } from "./state.ts";

const CONTROL_PLANE = ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"];
const CNI_PLUGINS = ["cni/bridge", "cni/host-local", "cni/loopback", "cni/portmap"];
const NODE = [
  "kube-scheduler",
  "kubelet",
  "kube-proxy",
  "containerd",
  "containerd-shim-runc-v2",
  "ctr",
  "runc",
  "coredns",
  "pause",
  ...CNI_PLUGINS,
];

/** How long the node may take to be ready, in ms. */
const NODE_READY_MS = 180_000;

/** Starts etcd, the API server and the controller manager on loopback, without a node: no rights are needed. */
export async function upApiOnly(folder: string, name: string, onProgress: Progress): Promise<Session> {
  const programs = await findPrograms(CONTROL_PLANE, onProgress);
  const [apiPort, etcdPort, etcdPeerPort] = (await freePorts(3)) as [number, number, number];
  const place: ControlPlanePlace = {
    folder,
    bindAddress: "127.0.0.1",
    advertiseAddress: "192.0.2.1",
    address: "127.0.0.1",
    apiPort,
    etcdPort,
    etcdPeerPort,
  };
  const session = beginSession(folder, { name, kind: "api-only", place, path: [], extras: [] }, programs, onProgress);
  await prepareControlPlane(place, contextName(name));
  await startControlPlane(session, place, programs);
  session.update({ phase: "up" });
  return session;
}

export interface NodeOrder {
  readonly folder: string;
  readonly name: string;
  readonly extras: readonly ExtraName[];
  /** The machine's lock, which the rig keeps from here on. */
  readonly lock: Lock;
  readonly onProgress: Progress;
}

/**
 * Starts the whole cluster with its one node.
 * @throws EvenkeelError EK_RIG_UNSUPPORTED (namespaces refused), EK_PROGRAM_MISSING, EK_CHILD_FAILED, EK_TIMEOUT
 */
export async function upNode(order: NodeOrder): Promise<Session> {
  const { folder, name, extras, lock, onProgress } = order;
  const programs = await findPrograms([...CONTROL_PLANE, ...NODE, ...extraPrograms(extras)], onProgress);
  const iptables = await iptablesFolder(platformCache(), onProgress);
  const place = nodeControlPlane(folder);
  const folders = new Set(Object.values(programs).map((program) => dirname(program)));
  const path = [...folders, ...(iptables === undefined ? [] : [iptables])];
  const session = beginSession(folder, { name, kind: "node", place, path, extras }, programs, onProgress);
  const [sandbox] = await Promise.all([makeSandbox(folder), prepareControlPlane(place, contextName(name))]);
  session.update({ sandbox });
  lock.handOver(sandbox.keeper);
  writeNodeFiles(folder, name, place, programs);
  onProgress("starting the control plane and the container runtime");
  await Promise.all([startControlPlane(session, place, programs), startContainerd(session, programs)]);
  await session.start({
    name: "kube-scheduler",
    program: programs["kube-scheduler"] as string,
    args: [`--kubeconfig=${session.state().kubeconfig}`, "--leader-elect=false"],
  });
  for (const service of nodeServices(folder, programs)) await session.start(service);
  onProgress("waiting for the node, and starting what goes with it");
  await Promise.all([waitForNode(session), startExtras(session, extras, programs)]);
  session.update({ phase: "up" });
  return session;
}

export const contextName = (name: string): string => `evenkeel-rig-${name}`;

interface Beginning {
  readonly name: string;
  readonly kind: RigState["kind"];
  readonly place: ControlPlanePlace;
  readonly path: readonly string[];
  readonly extras: readonly ExtraName[];
}

/** Writes the state before anything is started, so that `down` finds whatever comes to be. */
function beginSession(folder: string, beginning: Beginning, programs: Programs, onProgress: Progress): Session {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { place, ...facts } = beginning;
  const { kubeconfig } = controlPlaneFiles(place);
  const state: RigState = { ...facts, phase: "starting", starter: self(), kubeconfig, place, services: {} };
  const session = makeSession(folder, state, programs, onProgress);
  session.update({});
  return session;
}

function writeNodeFiles(folder: string, name: string, place: ControlPlanePlace, programs: Programs): void {
  const at = paths(folder);
  const cgroup = cgroupName(name);
  makeCgroups(cgroup);
  mkdirSync(at.cni, { recursive: true });
  writeFileSync(join(at.cni, "10-rig.conflist"), cniConfig());
  writeFileSync(at.containerdConfig, containerdConfig(folder, dirname(programs["cni/bridge"] as string)));
  writeFileSync(at.kubeletConfig, kubeletConfig(folder, controlPlaneFiles(place).certificates, cgroup));
}

async function startContainerd(session: Session, programs: Programs): Promise<void> {
  const { folder } = session;
  await session.start(containerdService(folder, programs));
  const archive = join(folder, "pause.tar");
  await packImage(pauseImage(programs.pause as string), archive);
  // Its socket is there before it answers: the import is tried until it does.
  await waitUntil("containerd's readiness", () => importImage(session, archive).then(() => true), {
    timeoutMs: 120_000,
    where: session.folder,
    giveUp: () => requireAlive(session, "containerd"),
  });
}

async function waitForNode(session: Session): Promise<void> {
  const query = ["get", "nodes", "-o", 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}'];
  await waitUntil("the node's readiness", async () => (await session.kubectl(query)) === "True", {
    timeoutMs: NODE_READY_MS,
    where: session.folder,
    giveUp: () => requireAlive(session, "kubelet", "containerd"),
  });
}
