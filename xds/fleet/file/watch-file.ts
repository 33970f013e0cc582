import { type FSWatcher, statSync, watch } from "node:fs";
import { dirname } from "node:path";
import type { Logger } from "../../../common/log.ts";

/** A writer that is still at work has changed the file again within this time. */
const SETTLE_MS = 50;

export interface WatchOptions {
  readonly log: Logger;
  /** Called after the file's content may have changed, came or went; once its writer has let go of it. */
  readonly onChange: () => void;
  readonly pollMs: number;
}

/**
 * Watches one file by name. The folder is watched, not the file, so that a rename over it is seen; a poll of what the
 * name leads to sees a swapped symbolic link (Kubernetes' ConfigMaps) and file systems that give no notice.
 */
export function watchFile(path: string, options: WatchOptions): { close(): void } {
  let seen = signature(path);
  let settling: NodeJS.Timeout | undefined;
  let candidate = seen;

  const settle = () => {
    const now = signature(path);
    if (now !== candidate) {
      candidate = now;
      settling = setTimeout(settle, SETTLE_MS);
      return;
    }
    settling = undefined;
    if (now === seen) return;
    seen = now;
    options.onChange();
  };
  const look = () => {
    if (settling !== undefined) return;
    candidate = signature(path);
    if (candidate !== seen) settling = setTimeout(settle, SETTLE_MS);
  };

  const watcher = tryWatch(dirname(path), look, options.log);
  const poll = setInterval(look, options.pollMs);
  return {
    close() {
      watcher?.close();
      clearInterval(poll);
      clearTimeout(settling);
    },
  };
}

function tryWatch(folder: string, look: () => void, log: Logger): FSWatcher | undefined {
  const say = (error: unknown) =>
    log.debug({ folder, reason: (error as Error).message }, "no change notices for this folder; polling sees changes");
  try {
    return watch(folder, { persistent: false }, look).on("error", say);
  } catch (error) {
    say(error);
    return undefined;
  }
}

/** Changes whenever the file does: ctime moves with each write, the inode with each replacement. */
function signature(path: string): string {
  try {
    const { ino, dev, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(" ");
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "unreadable";
  }
}
