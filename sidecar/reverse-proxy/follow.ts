import { isDeepStrictEqual } from "node:util";
import { describeError } from "../../common/errors.ts";
import { latestOnly } from "../../common/latest-only.ts";
import type { Logger } from "../../common/log.ts";
import { READ_HERE_LENGTH } from "../../xds/fleet/file/located-yaml.ts";
import { watchFile } from "../../xds/fleet/file/watch-file.ts";
import type { ProxyConfig } from "./config.ts";
import { readProxyConfig, readProxyText } from "./file.ts";
import { type FurtherCheck, type FurtherFault, parseProxyConfig } from "./parse.ts";
import { parseApart } from "./parse-apart.ts";

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
  /** Looks again at a file that was refused, because what {@link FollowOptions.check} goes by has changed. */
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
  const { log, check = () => [] } = options;
  const closing = new AbortController();
  let fault: string | undefined;
  /** What the check refuses of the file, and why. */
  let refused: { readonly config: ProxyConfig; readonly found: readonly FurtherFault[] } | undefined;

  /** @param further what was found wrong with it already: told with its lines, as an error */
  const parse = async (text: string, further: readonly FurtherFault[] = []) =>
    text.length <= READ_HERE_LENGTH
      ? parseProxyConfig(text, path, () => further)
      : await parseApart({ text, path, further }, closing.signal);
  const takeEdit = async () => {
    refused = undefined;
    try {
      const text = readProxyText(path);
      const config = await parse(text);
      // Checked in this thread, which alone has what the check goes by, and straight before the configuration is applied.
      const found = [...check(config)];
      if (found.length > 0) refused = { config, found };
      const next = refused === undefined ? config : await parse(text, found);
      const news = !isDeepStrictEqual(next, current);
      if (news) {
        const began = performance.now();
        await options.apply(next, current);
        current = next;
        log.info({ path, services: next.services.length, ms: Math.round(performance.now() - began) }, "edit taken");
      } else if (fault !== undefined) log.info({ path }, "the file is as it was before the bad edit");
      fault = undefined;
    } catch (error) {
      if (closing.signal.aborted) return;
      const said = describeError(error);
      if (said !== fault) log.error({ path }, said);
      fault = said;
    }
  };
  const lookAgain = latestOnly(takeEdit, closing.signal);
  // Watched before it is read, so that no change falls between the two.
  const watch = watchFile(path, {
    log,
    pollMs: options.pollMs ?? 1000,
    onChange: lookAgain,
  });
  let current: ProxyConfig;
  try {
    // Here, whatever its length: nobody is served yet.
    current = readProxyConfig(path, check);
  } catch (error) {
    watch.close();
    throw error;
  }
  return {
    current: () => current,
    again() {
      // Any other file is looked at only when it changes. Reading a long one is dear, so not while the check says the same.
      if (refused !== undefined && !isDeepStrictEqual([...check(refused.config)], refused.found)) lookAgain();
    },
    close() {
      closing.abort();
      watch.close();
    },
  };
}
