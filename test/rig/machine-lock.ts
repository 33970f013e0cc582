import { rmSync } from "node:fs";
import { basename } from "node:path";
import { EvenkeelError } from "../../common/errors.ts";
import { type Lock, readHolder, tryLock } from "./lock.ts";

/** One for the whole machine, whatever the rig's name and its owner's cache. */
const MACHINE_LOCK = "/run/evenkeel-rig.lock";

/**
 * Takes the machine for a rig with a node.
 * @param folder the rig's folder
 * @throws EvenkeelError EK_RIG_BUSY with the one that has it
 */
export function lockMachine(folder: string, path: string = MACHINE_LOCK): Lock {
  const lock = tryLock(path, folder);
  if ("release" in lock) return lock;
  const name = basename(lock.purpose);
  throw new EvenkeelError("EK_RIG_BUSY", `the rig ${name} (process ${lock.process.pid}) has this machine`, {
    where: lock.purpose,
    next: `end it with \`npm run rig -- down --name ${name}\`, or wait until its owner does`,
  });
}

/** Gives the machine back, if it is this rig's. */
export function unlockMachine(folder: string, path: string = MACHINE_LOCK): void {
  if (readHolder(path)?.purpose === folder) rmSync(path, { force: true });
}
