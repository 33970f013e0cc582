import { Listeners } from "../../common/listeners.ts";
import type { Logger } from "../../common/log.ts";
import type { ProxyConfig } from "../../sidecar/reverse-proxy/config.ts";
import { followConfig } from "../../sidecar/reverse-proxy/follow.ts";
import type { FurtherCheck } from "../../sidecar/reverse-proxy/parse.ts";
import { encodeProxy } from "../../sidecar/reverse-proxy/publish.ts";
import { type ProxyOptions, proxyResources } from "../../sidecar/reverse-proxy/resources.ts";
import type { EncodedResource } from "../resources/resource.ts";

/** A reverse proxy as it is served: what was configured, and Envoy's resources for it. */
export interface ServedProxy {
  readonly config: ProxyConfig;
  readonly resources: readonly EncodedResource[];
}

/** Where the reverse proxy's resources come from. The last good ones stay when an edit is bad. */
export interface ProxySource {
  current(): ServedProxy;
  /** Called after each change of {@link current}, or one that came to nothing. Returns the end of the subscription. */
  subscribe(listener: () => void): () => void;
  close(): void;
}

export interface ProxySourceOptions extends ProxyOptions {
  readonly log: Logger;
  readonly check: FurtherCheck;
  /** How often the file is looked at besides its change notices, in ms. */
  readonly pollMs?: number;
}

/** A source out of a file. */
export interface ProxyFile extends ProxySource {
  /** What is served, and what is about to be: nobody else may take what they have. */
  claims(): readonly ProxyConfig[];
  /** Looks again at an edit that was refused. */
  again(): void;
}

/**
 * Follows a reverse proxy's configuration file, the same that `evenkeel proxy` takes. Each edit is checked and encoded as a
 * whole before anybody sees it; a bad one changes nothing and is told in the log, with its line.
 * @throws EvenkeelError EK_FILE_UNREADABLE, EK_PROXY_CONFIG_INVALID, EK_RESOURCE_INVALID when the file is unusable at the start
 */
export async function openProxyFile(path: string, options: ProxySourceOptions): Promise<ProxyFile> {
  const { log, check, pollMs } = options;
  const listeners = new Listeners();
  const serve = async (config: ProxyConfig): Promise<ServedProxy> => ({
    config,
    resources: await encodeProxy(proxyResources(config, options)),
  });
  const started = Promise.withResolvers<void>();
  const follower = followConfig(path, {
    log,
    check,
    ...(pollMs === undefined ? {} : { pollMs }),
    apply: async (next) => {
      // An edit while the first is still encoded comes after it.
      await started.promise;
      coming = next;
      try {
        current = await serve(next);
      } finally {
        coming = undefined;
        listeners.tell();
      }
    },
  });
  let coming: ProxyConfig | undefined;
  let current: ServedProxy;
  try {
    current = await serve(follower.current());
  } catch (error) {
    follower.close();
    throw error;
  } finally {
    started.resolve();
  }
  log.info({ path, services: current.config.services.length }, "the reverse proxy's configuration is read");
  return {
    current: () => current,
    claims: () => (coming === undefined ? [current.config] : [current.config, coming]),
    again: () => follower.again(),
    subscribe: (listener) => listeners.subscribe(listener),
    close() {
      follower.close();
      listeners.clear();
    },
  };
}
