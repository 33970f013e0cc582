import { setTimeout as sleep } from "node:timers/promises";
import { EvenkeelError } from "../../../common/errors.ts";
import { type Rig, type RigOptions, upRig } from "../../rig/rig.ts";

/** How long another rig on this machine is waited for, in ms. */
const BUSY_MS = 45 * 60_000;
const EVERY_MS = 5000;

/**
 * Starts a rig once the machine is free for it, gives it to `work`, and takes it down whatever happens.
 * @throws EvenkeelError EK_RIG_BUSY when another has the machine for too long; what starting or `work` throws
 */
export async function withFreeRig<T>(options: RigOptions, work: (rig: Rig) => Promise<T>): Promise<T> {
  const rig = await upWhenFree(options);
  const onSignal = () => void rig.down().finally(() => process.exit(130));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, onSignal);
  try {
    return await work(rig);
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, onSignal);
    await rig.down();
  }
}

async function upWhenFree(options: RigOptions): Promise<Rig> {
  const deadline = Date.now() + BUSY_MS;
  for (let told = false; ; ) {
    try {
      return await upRig(options);
    } catch (error) {
      const isBusy = error instanceof EvenkeelError && error.code === "EK_RIG_BUSY";
      if (!isBusy || Date.now() > deadline) throw error;
      if (!told) options.onProgress?.(`${error.message}: waiting for it`);
      told = true;
    }
    await sleep(EVERY_MS);
  }
}
