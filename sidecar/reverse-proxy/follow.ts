import { isDeepStrictEqual } from "node:util";
import { describeError } from "../../common/errors.ts";
import type { Logger } from "../../common/log.ts";
import { watchFile } from "../../xds/fleet/file/watch-file.ts";
import type { ProxyConfig } from "./config.ts";
import { readProxyConfig } from "./file.ts";
import type { FurtherCheck } from "./parse.ts";

export interface FollowOptions {
  readonly log: Logger;
  /** Makes a configuration the one that runs. When it rejects, what ran before goes on. */
  readonly apply: (next: ProxyConfig, before: ProxyConfig) => Promise<void>;
  /** What a configuration of the right form must keep to besides. */
  readonly check?: FurtherCheck;
  /** How often the file is looked at besides its change notices, in ms. */
  readonly pollMs?: number;
}

/** What follows a configuration file. */
export interface Follower {
  /** The configuration that runs. */
  current(): ProxyConfig;
  /** Looks at the file again, because what {@link FollowOptions.check} goes by has changed. */
  again(): void;
  /** Takes no edit any more. */
  close(): void;
}

/**
 * Applies each good edit of a configuration file, one after the other. A bad one changes nothing and is told once, with
 * its line.
 * @throws EvenkeelError EK_FILE_UNREADABLE, EK_PROXY_CONFIG_INVALID when the file is unusable at the start
 */
export function followConfig(path: string, options: FollowOptions): Follower {
  const { log } = options;
  let fault: string | undefined;
  let changed = false;
  let working = false;

  const takeEdit = async () => {
    try {
      const next = readProxyConfig(path, options.check);
      const news = !isDeepStrictEqual(next, current);
      if (news) {
        const began = performance.now();
        await options.apply(next, current);
        current = next;
        log.info({ path, services: next.services.length, ms: Math.round(performance.now() - began) }, "edit taken");
      } else if (fault !== undefined) log.info({ path }, "the file is as it was before the bad edit");
      fault = undefined;
    } catch (error) {
      const said = describeError(error);
      if (said !== fault) log.error({ path }, said);
      fault = said;
    }
  };
  const lookAgain = () => {
    changed = true;
    void work();
  };
  const work = async () => {
    if (working) return;
    working = true;
    while (changed) {
      changed = false;
      await takeEdit();
    }
    working = false;
  };
  // Watched before it is read, so that no change falls between the two.
  const watch = watchFile(path, {
    log,
    pollMs: options.pollMs ?? 1000,
    onChange: lookAgain,
  });
  let current: ProxyConfig;
  try {
    current = readProxyConfig(path, options.check);
  } catch (error) {
    watch.close();
    throw error;
  }
  return {
    current: () => current,
    again() {
      // A file that is served is looked at only when it changes.
      if (fault !== undefined) lookAgain();
    },
    close() {
      watch.close();
      changed = false;
    },
  };
}
