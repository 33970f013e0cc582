import { apiUrl, controlPlaneFiles } from "../control-plane.ts";
import { requireAlive } from "../control-plane-services.ts";
import { NODE_NAME, POD_RANGE } from "../place.ts";
import type { Programs } from "../programs/programs.ts";
import { waitUntil } from "../ready.ts";
import type { Session } from "../session.ts";

const NAME = "kube-network-policies";
const QUEUE = 100;
/** Where the program looks for the access that a pod would have. */
const ACCOUNT = "/run/secrets/kubernetes.io/serviceaccount";

/**
 * NetworkPolicies that are kept to: the program of that name decides on the first packet of each connection between pods.
 * It gets them by iptables: its own rules are nftables', and take an expression (queue) that not every kernel has. Where it
 * is there, a packet is decided on twice, alike.
 */
export async function startPolicies(session: Session, programs: Programs): Promise<void> {
  const { place } = session.state();
  const { certificates, tokens } = controlPlaneFiles(place);
  const { hostname, port } = new URL(apiUrl(place));
  const script = [
    ...rules(),
    // It takes the access of a pod, and no other: the files are in a mount namespace of its own.
    "mount -t tmpfs -o mode=700 policies /run",
    `mkdir -p ${ACCOUNT}`,
    `cut -d, -f1 '${tokens}' | tr -d '\\n' > ${ACCOUNT}/token`,
    `cp '${certificates.ca}' ${ACCOUNT}/ca.crt`,
    `exec '${programs[NAME]}' --hostname-override=${NODE_NAME} --nfqueue-id=${QUEUE} --disable-nri --metrics-bind-address=127.0.0.1:19080`,
  ];
  await session.start({
    name: NAME,
    program: "unshare",
    args: ["--mount", "--propagation", "slave", "--", "sh", "-ec", script.join("\n")],
    env: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
  });
  await waitUntil("the queue of packets for NetworkPolicies", () => isBound(session), {
    timeoutMs: 60_000,
    where: session.folder,
    giveUp: () => requireAlive(session, NAME),
  });
}

/** As the program's own would be: what the node itself sends, the kubelet's probes for instance, passes. */
function rules(): string[] {
  const chain = "RIG-POLICIES";
  const inChain = (rule: string) => `iptables -w -t mangle ${rule}`;
  return [
    inChain(`-N ${chain} 2>/dev/null || ${inChain(`-F ${chain}`)}`),
    inChain(`-A ${chain} -m owner --uid-owner 0 -j RETURN`),
    inChain(`-A ${chain} -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN`),
    inChain(`-A ${chain} -s ${POD_RANGE} -j NFQUEUE --queue-num ${QUEUE}`),
    inChain(`-A ${chain} -d ${POD_RANGE} -j NFQUEUE --queue-num ${QUEUE}`),
    `${inChain(`-C POSTROUTING -j ${chain} 2>/dev/null`)} || ${inChain(`-A POSTROUTING -j ${chain}`)}`,
  ];
}

/** @see nfnetlink_queue's seq_show in the kernel: the first column is the queue's number */
async function isBound(session: Session): Promise<boolean> {
  const queues = await session.inside(["cat", "/proc/net/netfilter/nfnetlink_queue"]);
  return queues.split("\n").some((line) => Number(line.trim().split(/\s+/)[0]) === QUEUE);
}
