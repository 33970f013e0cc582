import { chmodSync, copyFileSync, mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { AGENT_PORT_ANNOTATION } from "../../../xds/fleet/kubernetes/objects.ts";
import { ELIGIBLE_LABEL, SLOT_LABEL } from "../../../xds/scaler/names.ts";
import { makeAuthority, makeLeaf } from "../../rig/certificates.ts";
import { manifest } from "../../rig/extras/process-service.ts";
import { packImage } from "../../rig/images/archive.ts";
import { evenkeelImage } from "../../rig/images/evenkeel.ts";
import { cgroupName } from "../../rig/node/cgroups.ts";
import { NODE_NAME } from "../../rig/place.ts";
import { waitUntil } from "../../rig/ready.ts";
import type { Rig } from "../../rig/rig.ts";
import { openClient } from "./access.ts";
import { BROKER_HOST, startBroker } from "./broker.ts";
import { posture, triggers, waitForState } from "./cluster.ts";
import { Ledger } from "./ledger.ts";
import {
  BROKER_SECRET,
  CLAIM,
  IMAGE_REPOSITORY,
  IMAGE_TAG,
  JOBS,
  NAMESPACE,
  SCALER_HOST,
  TLS_SECRET,
} from "./names.ts";
import { type NodeAgent, startNodeAgent } from "./node-agent.ts";
import type { Place } from "./place.ts";
import { startStandInNode } from "./stand-in-node.ts";
import { watchJobs } from "./watch.ts";

export const STAND_INS = ["stand-in-2", "stand-in-3"] as const;
export const NODES = [NODE_NAME, ...STAND_INS] as const;
/** The first agent's port; the others follow. */
const AGENT_PORT = 9191;
const READY_MS = 180_000;

/** Puts everything into the cluster, and waits until three nodes are free and ten sessions are there. */
export async function setUp(
  rig: Rig,
  folder: string,
  say: (line: string) => void,
  ends: AsyncDisposableStack,
): Promise<Place> {
  say("packing and loading the image");
  await loadImage(rig, folder);
  const client = await openClient(rig, folder, ends);
  await rig.kubectl(["create", "namespace", NAMESPACE]);
  const [certificates, brokerSecret, results] = await Promise.all([
    makeCertificates(rig, join(folder, "certificates")),
    makeBrokerCertificates(rig, join(folder, "broker-certificates")),
    makeClaim(rig, join(folder, "results")),
  ]);
  const broker = await startBroker(rig, join(folder, "broker"), join(folder, "broker-certificates"), ends);
  say("evenkeel posture apply");
  await applyPosture(rig, "--cpu-source", "agent");
  await rolledOut(rig);
  const ledger = new Ledger();
  const agents = await addNodes({ rig, client, ledger, results, brokerSecret, say }, ends);
  const place: Place = { rig, client, broker, ledger, agents, folder, results, certificates, brokerSecret, say };
  say("waiting for figures of the nodes, and for the sessions that the scaler makes in the broker");
  await waitForState(place, NODES, "free", READY_MS);
  await waitForSessions(place);
  return place;
}

/** `evenkeel posture apply` with what all applications of it have in common; twice changes what differs. */
export async function applyPosture(rig: Rig, ...words: readonly string[]): Promise<void> {
  await posture(
    rig,
    ...["apply", "--tls-secret", TLS_SECRET, "--mqtt-tls-secret", BROKER_SECRET, "--mqtt-client-cert"],
    ...["--output-claim", CLAIM],
    ...["--analyzer-repo-base", IMAGE_REPOSITORY, "--scaler-image-repo", `${IMAGE_REPOSITORY}/analyzer`],
    ...["--tag", IMAGE_TAG, ...words],
  );
}

/** Waits until controller and scaler run as they were applied last. */
export async function rolledOut(rig: Rig): Promise<void> {
  for (const name of ["posture-controller", "posture-external-scaler"])
    await rig.kubectl(["rollout", "status", `deployment/${name}`, "-n", NAMESPACE, `--timeout=${READY_MS / 1000}s`]);
}

/** The path of a node's control group below each hierarchy: all that its pods do. */
export function nodeCgroup(rig: Rig, node: string): string {
  return join(cgroupName(rig.name), node === NODE_NAME ? "kubepods" : node);
}

/** Waits until the broker keeps images for every analyser. */
export async function waitForSessions({ rig }: Pick<Place, "rig">): Promise<void> {
  const areThere = async () => {
    const all = await triggers(rig);
    return Array.isArray(all) && all.length === JOBS && all.every(({ waiting }) => waiting !== null);
  };
  await waitUntil("sessions of all analysers", areThere, { timeoutMs: READY_MS, everyMs: 1000 });
}

async function loadImage(rig: Rig, folder: string): Promise<void> {
  const archive = join(folder, "image.tar");
  await packImage(await evenkeelImage({ name: `docker.io/${IMAGE_REPOSITORY}/analyzer:${IMAGE_TAG}` }), archive);
  await rig.loadImage(archive);
}

/** Of the scaler, of KEDA, and of somebody whom another authority knows. @returns their folder */
async function makeCertificates(rig: Rig, folder: string): Promise<string> {
  mkdirSync(folder);
  for (const authority of ["ca", "other-ca"]) await makeAuthority(folder, authority);
  await makeLeaf(folder, "ca", "tls", "/CN=scaler", `subjectAltName=DNS:${SCALER_HOST}`);
  await makeLeaf(folder, "ca", "client", "/CN=keda");
  await makeLeaf(folder, "other-ca", "stranger", "/CN=stranger");
  const files = ["ca.crt", "tls.crt", "tls.key", "client.crt", "client.key"];
  const words = files.map((file) => `--from-file=${join(folder, file)}`);
  await rig.kubectl(["create", "secret", "generic", TLS_SECRET, "-n", NAMESPACE, ...words]);
  return folder;
}

/**
 * Of the broker, and of all who come to it.
 * @returns folder of what is in the Secret
 */
async function makeBrokerCertificates(rig: Rig, folder: string): Promise<string> {
  mkdirSync(folder);
  await makeAuthority(folder, "ca");
  // Publishers reach it by a port of this machine's loopback.
  await makeLeaf(folder, "ca", "broker", "/CN=broker", `subjectAltName=DNS:${BROKER_HOST},IP:127.0.0.1`);
  await makeLeaf(folder, "ca", "tls", "/CN=analyser");
  const secret = join(folder, "secret");
  mkdirSync(secret);
  const files = ["ca.crt", "tls.crt", "tls.key"];
  for (const file of files) copyFileSync(join(folder, file), join(secret, file));
  const words = files.map((file) => `--from-file=${join(secret, file)}`);
  await rig.kubectl(["create", "secret", "generic", BROKER_SECRET, "-n", NAMESPACE, ...words]);
  return secret;
}

/** A claim whose volume is a folder of this machine. @returns the folder */
async function makeClaim(rig: Rig, folder: string): Promise<string> {
  mkdirSync(folder);
  // Analysers in containers are not root.
  chmodSync(folder, 0o777);
  const accessModes = ["ReadWriteMany"];
  const volume = {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: CLAIM },
    spec: { accessModes, capacity: { storage: "1Gi" }, storageClassName: "", hostPath: { path: folder } },
  };
  const claim = {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: CLAIM, namespace: NAMESPACE },
    spec: { accessModes, storageClassName: "", volumeName: CLAIM, resources: { requests: { storage: "1Gi" } } },
  };
  await rig.kubectl(["apply", "--server-side", "-f", "-"], manifest([volume, claim]));
  return folder;
}

/** Three eligible nodes, each with an agent. The first two have slots of ours; the third is given one by the controller. */
async function addNodes(
  { rig, client, ledger, results, brokerSecret, say }: Omit<Place, "broker" | "agents" | "folder" | "certificates">,
  ends: AsyncDisposableStack,
): Promise<ReadonlyMap<string, NodeAgent>> {
  const cores = availableParallelism();
  const agents = new Map<string, NodeAgent>();
  const pods = await watchJobs(client, ledger, ends);
  for (const [index, name] of NODES.entries()) {
    const port = AGENT_PORT + index;
    const labels = { [ELIGIBLE_LABEL]: "true", ...(index < 2 && { [SLOT_LABEL]: `slot-${index + 1}` }) };
    const annotations = { [AGENT_PORT_ANNOTATION]: String(port) };
    const cgroup = nodeCgroup(rig, name);
    if (name === NODE_NAME) await markNode(rig, name, labels, annotations);
    else
      await startStandInNode(
        {
          rig,
          client,
          name,
          labels,
          annotations,
          cores,
          cgroup,
          pods,
          claim: results,
          secrets: { [BROKER_SECRET]: brokerSecret },
          say,
        },
        ends,
      );
    agents.set(name, await startNodeAgent(rig, { node: name, port, cgroup: `/${cgroup}`, cores }, ends));
  }
  return agents;
}

async function markNode(
  rig: Rig,
  name: string,
  labels: Readonly<Record<string, string>>,
  annotations: Readonly<Record<string, string>>,
): Promise<void> {
  await rig.kubectl([
    "patch",
    "node",
    name,
    "--type=merge",
    "-p",
    JSON.stringify({ metadata: { labels, annotations } }),
  ]);
}
