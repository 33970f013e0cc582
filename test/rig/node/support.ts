import { existsSync } from "node:fs";
import { join } from "node:path";
import { EvenkeelError } from "../../../common/errors.ts";

/** Commands of util-linux and iproute2 that a rig with a node calls. */
const COMMANDS = ["unshare", "nsenter", "mount", "ip"];

/** What is known of a machine before anything is tried. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly root: boolean;
  /** Commands that are not on PATH. */
  readonly missing: readonly string[];
}

export function thisMachine(): Machine {
  const folders = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"];
  return {
    platform: process.platform,
    root: process.getuid?.() === 0,
    missing: COMMANDS.filter((command) => !folders.some((folder) => existsSync(join(folder, command)))),
  };
}

/** @throws EvenkeelError EK_RIG_UNSUPPORTED with the reason and what works instead */
export function requireNodeSupport(machine: Machine): void {
  const instead =
    "`--api-only` starts a real etcd and API server without a node here; `--context` uses your own cluster";
  const refuse = (what: string, next: string) => {
    throw new EvenkeelError("EK_RIG_UNSUPPORTED", what, { next: `${next}${instead}` });
  };
  if (machine.platform !== "linux") refuse(`a node needs Linux, and this is ${machine.platform}`, "");
  if (!machine.root)
    refuse("a node needs root: kubelet mounts, and makes namespaces and control groups", "run it with sudo; ");
  if (machine.missing.length > 0)
    refuse(`${machine.missing.join(", ")} is not on PATH`, "install util-linux and iproute2; ");
}

/** Why this machine cannot run a node; undefined: it can. */
export function nodeRefusal(machine: Machine = thisMachine()): unknown {
  try {
    requireNodeSupport(machine);
    return undefined;
  } catch (error) {
    return error;
  }
}
