import { rmSync } from "node:fs";
import { basename, relative } from "node:path";
import { EvenkeelError } from "../../common/errors.ts";
import { type Lock, type LockHolder, readHolder, tryLock } from "./lock.ts";
import { isAlive, isSame, self } from "./process-table.ts";

/** A process's claim on a rig. It ends with the process: a rig that nobody holds any more is anybody's. */
export interface Hold extends Pick<Lock, "isHeld" | "release"> {
  /** False when this process had it already. */
  readonly isNew: boolean;
}

/**
 * Claims a rig: while this process lives and does not let go, no other one starts, takes or ends it.
 * @param folder the rig's folder
 * @throws EvenkeelError EK_RIG_BUSY with the process that has it
 */
export function holdRig(folder: string): Hold {
  const path = lockFile(folder);
  const lock = tryLock(path, commandWords());
  if ("release" in lock) return { isNew: true, isHeld: lock.isHeld, release: lock.release };
  const isHeld = () => {
    const holder = readHolder(path);
    return holder !== undefined && isSame(holder.process, self());
  };
  if (isHeld())
    return {
      isNew: false,
      isHeld,
      release() {
        if (isHeld()) rmSync(path, { force: true });
      },
    };
  const name = basename(folder);
  throw new EvenkeelError("EK_RIG_BUSY", `${holderText(lock)} uses the rig ${name}`, {
    where: folder,
    next: `wait until it ends, take another name, or end the rig under it with \`npm run rig -- --name ${name} down --force\``,
  });
}

/** Takes a rig's claim away from whoever has it; that process finds its rig gone. */
export function seizeRig(folder: string): Hold {
  rmSync(lockFile(folder), { force: true });
  return holdRig(folder);
}

/** Who uses a rig, for people; undefined when nobody does. */
export function userOf(folder: string): string | undefined {
  const holder = readHolder(lockFile(folder));
  return holder === undefined || !isAlive(holder.process) ? undefined : holderText(holder);
}

/** Beside the folder, which `down` removes. A rig's name has no dot, so no rig has this path for its folder. */
const lockFile = (folder: string): string => `${folder}.lock`;

const holderText = ({ process: { pid }, purpose }: LockHolder): string => `process ${pid} (${purpose})`;

/** What this process was called with, as short as its folder allows. */
function commandWords(): string {
  const [, script = "node", ...words] = process.argv;
  return [relative(process.cwd(), script), ...words].join(" ");
}
