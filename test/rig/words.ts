import { paths } from "./place.ts";
import type { SandboxState } from "./state.ts";

/**
 * The words that run a command on a rig's network with the cluster's DNS, but among the machine's own processes and files.
 * Each of them replaces itself by the next, so that a signal reaches the command.
 */
export function onNetwork(folder: string, sandbox: SandboxState | undefined, command: readonly string[]): string[] {
  if (sandbox === undefined) return [...command];
  const { resolvConf } = paths(folder);
  return [
    ...["nsenter", "--target", String(sandbox.init.pid), "--net", "--"],
    // Only this command sees the other name server: the mount is in a namespace of its own.
    ...["unshare", "--mount", "--propagation", "slave", "--"],
    ...["sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', resolvConf],
    ...command,
  ];
}
