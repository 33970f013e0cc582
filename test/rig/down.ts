import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { EvenkeelError } from "../../common/errors.ts";
import type { Progress } from "./cache.ts";
import { holdRig, seizeRig } from "./hold.ts";
import { unlockMachine } from "./machine-lock.ts";
import { cgroupName, removeCgroups } from "./node/cgroups.ts";
import { removeSandbox } from "./node/sandbox.ts";
import { stopService } from "./services.ts";
import { type RigState, readState } from "./state.ts";

/** How long the kernel may take to let go of the last processes' groups, in ms. */
const CGROUPS_MS = 20_000;

export interface DownOptions {
  /** Also a rig that another living process uses. */
  readonly force?: boolean;
  readonly onProgress?: Progress;
}

/**
 * Ends a rig and removes all that it made: processes, namespaces, mounts, control groups, files. Twice is fine, and so is
 * a rig whose start broke off anywhere.
 * @returns whether there was anything to end
 * @throws EvenkeelError EK_RIG_BUSY when another living process uses it, EK_TIMEOUT when something will not go
 */
export async function downRig(folder: string, options: DownOptions = {}): Promise<boolean> {
  const hold = options.force === true ? seizeRig(folder) : holdRig(folder);
  try {
    return await clearRig(folder, options.onProgress);
  } finally {
    hold.release();
  }
}

/** The same for who holds the rig, and goes on holding it. */
export async function clearRig(folder: string, onProgress: Progress = () => undefined): Promise<boolean> {
  const state = readState(folder);
  if (state === undefined && !existsSync(folder)) return false;
  if (state !== undefined) {
    onProgress(`ending the rig ${state.name}`);
    if (state.sandbox === undefined) await stopServices(state);
    else await removeSandbox(state.sandbox);
    if (state.kind === "node") await removeGroups(cgroupName(state.name));
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  unlockMachine(folder);
  return true;
}

/** Without namespaces each part is ended by itself, the last one started first. */
async function stopServices(state: RigState): Promise<void> {
  for (const service of Object.values(state.services).reverse()) await stopService(service.leader);
}

async function removeGroups(name: string): Promise<void> {
  const deadline = Date.now() + CGROUPS_MS;
  for (let left = removeCgroups(name); left.length > 0; left = removeCgroups(name)) {
    if (Date.now() > deadline)
      throw new EvenkeelError("EK_TIMEOUT", `control groups still have processes: ${left.join(", ")}`, {
        next: "look at the cgroup.procs file in each, end those processes, and run `down` again",
      });
    await sleep(100);
  }
}
