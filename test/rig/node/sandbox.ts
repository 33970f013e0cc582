import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EvenkeelError } from "../../../common/errors.ts";
import { DNS_ADDRESS, NODE_ADDRESS, paths } from "../place.ts";
import { childOf, identify, isAlive } from "../process-table.ts";
import { waitUntil } from "../ready.ts";
import { lastLines } from "../services.ts";
import type { SandboxState } from "../state.ts";

/** Folders that kubelet, containerd and the CNI plugins use whatever they are told; the rig sees its own in their place. */
const PRIVATE_FOLDERS: readonly string[] = [
  "/var/lib/kubelet",
  "/var/lib/cni",
  "/var/log/pods",
  "/var/log/containers",
  "/run/containerd",
  // Named network namespaces: containerd makes a file for each pod.
  "/run/netns",
];

/**
 * With this much memory to spare, images are kept in it: a slow disk would take longer over them than over all the rest.
 * The rig's own images need about 1 GiB.
 */
const ROOMY_BYTES = 6 * 2 ** 30;

/**
 * Makes a rig's namespaces (network, mounts, processes) and the process that keeps them. When that one is killed, the
 * kernel ends all that runs inside and takes away mounts and network: nothing has to be found and cleaned one by one.
 * @throws EvenkeelError EK_RIG_UNSUPPORTED with what the kernel refused
 */
export async function makeSandbox(folder: string): Promise<SandboxState> {
  const { logs, private: own, resolvConf, containerd } = paths(folder);
  for (const path of [logs, containerd]) mkdirSync(path, { recursive: true });
  writeFileSync(resolvConf, `nameserver ${DNS_ADDRESS}\nsearch svc.cluster.local cluster.local\noptions ndots:2\n`);
  const madeFolders = PRIVATE_FOLDERS.flatMap(makeFolder);
  for (const path of PRIVATE_FOLDERS) mkdirSync(join(own, path), { recursive: true });
  const ready = join(folder, "sandbox-ready");
  rmSync(ready, { force: true });
  const log = openSync(join(logs, "sandbox.log"), "a");
  const flags = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "slave"];
  const child = spawn("unshare", [...flags, "sh", "-ec", script(folder, ready)], {
    cwd: "/",
    stdio: ["ignore", log, log],
    detached: true,
  });
  closeSync(log);
  let failed: string | undefined;
  child.once("error", (error) => {
    failed = error.message;
  });
  child.once("exit", () => {
    failed ??= lastLines(folder, "sandbox");
  });
  await waitUntil("the rig's namespaces", () => failed !== undefined || existsSync(ready), {
    timeoutMs: 30_000,
    everyMs: 20,
  });
  if (failed !== undefined)
    throw new EvenkeelError("EK_RIG_UNSUPPORTED", `its namespaces could not be made: ${failed}`, {
      where: "unshare",
    });
  child.removeAllListeners("exit");
  child.unref();
  const pid = child.pid as number;
  const keeper = identify(pid);
  const init = identify(childOf(pid) ?? -1);
  if (keeper === undefined || init === undefined)
    throw new EvenkeelError("EK_RIG_UNSUPPORTED", "its namespaces were gone as soon as they were made");
  return { keeper, init, madeFolders };
}

/** Ends all that runs in the namespaces, and them. Twice is fine. */
export async function removeSandbox(sandbox: SandboxState): Promise<void> {
  for (const id of [sandbox.init, sandbox.keeper])
    while (isAlive(id)) {
      kill(id.pid);
      await sleep(50);
    }
  for (const path of [...sandbox.madeFolders].reverse())
    try {
      rmdirSync(path);
    } catch {
      // Somebody else has put something there since.
    }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself meanwhile.
  }
}

/** What the first process of the namespaces does: mounts, addresses, and then nothing but wait for orphans. */
function script(folder: string, ready: string): string {
  const { private: own, resolvConf, containerd } = paths(folder);
  return [
    "mount --make-rshared /",
    ...(process.availableMemory() < ROOMY_BYTES ? [] : [`mount -t tmpfs -o mode=700 rig '${containerd}'`]),
    ...PRIVATE_FOLDERS.map((path) => `mount --bind '${join(own, path)}' ${path}`),
    `mount --bind '${resolvConf}' /etc/resolv.conf`,
    "ip link set lo up",
    // A bridge holds the node's address: dummy devices are not in every kernel.
    "ip link add rig0 type bridge",
    `ip address add ${NODE_ADDRESS}/24 dev rig0`,
    "ip link set rig0 up",
    "ip route add default dev rig0",
    "echo 1 > /proc/sys/net/ipv4/ip_forward",
    "if [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]; then echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables; fi",
    `touch '${ready}'`,
    "while :; do sleep 1000; done",
  ].join("\n");
}

/** Makes a folder and says which ones had to be made, the outermost first. */
function makeFolder(path: string): string[] {
  if (existsSync(path)) return [];
  const made = [...makeFolder(dirname(path)), path];
  mkdirSync(path);
  return made;
}
