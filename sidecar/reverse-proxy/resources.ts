import type { Cluster } from "../../proto/generated/envoy/config/cluster/v3/cluster.ts";
import type { Listener } from "../../proto/generated/envoy/config/listener/v3/listener.ts";
import type { RouteConfiguration } from "../../proto/generated/envoy/config/route/v3/route.ts";
import { clusterMessage } from "./cluster.ts";
import { isTls, type ProxyConfig } from "./config.ts";
import { type ListenerOptions, listenerMessage } from "./listener.ts";
import { routeMessage } from "./route.ts";

export interface ProxyOptions extends ListenerOptions {
  /** The authorities that the certificates of hosts over TLS must be signed by, a PEM file. */
  readonly caFile: string;
}

/** Envoy's messages. Each is made when its turn comes, so that thousands need not be made at once. */
export interface ProxyResources {
  readonly clusters: Iterable<Cluster>;
  readonly listeners: Iterable<Listener>;
  readonly routes: Iterable<RouteConfiguration>;
}

/** The name of the listener and of its routes. */
export const PROXY_NAME = "reverse-proxy";

const SHORTEST_CHECK_MS = 250;
/** A TLS handshake costs both ends more than a bare connection. */
const SHORTEST_TLS_CHECK_MS = 750;
/** Connections that an Envoy opens for its checks, all hosts together. */
const CHECKS_PER_S = 500;
/** Envoy begins with a check of every host at once; one that cannot open a socket for it crashes (1.40). */
const MOST_CHECKED = 500;

/** Envoy's configuration for a reverse proxy. A pure function: the same configuration gives the same messages. */
export function proxyResources(config: ProxyConfig, options: ProxyOptions): ProxyResources {
  const hosts = config.services.reduce((sum, service) => sum + service.hosts.length, 0);
  return {
    clusters: inTurn(config.services, (service) =>
      clusterMessage(service, {
        caFile: options.caFile,
        checkIntervalMs: checkIntervalMs(
          hosts,
          service.hosts.some(({ scheme }) => isTls(scheme)),
        ),
      }),
    ),
    listeners: inTurn([config.listen], (listen) => listenerMessage(PROXY_NAME, listen, options)),
    routes: inTurn([config], (whole) => routeMessage(PROXY_NAME, whole)),
  };
}

function inTurn<T, M>(items: readonly T[], messageOf: (item: T) => M): Iterable<M> {
  return {
    *[Symbol.iterator]() {
      for (const item of items) yield messageOf(item);
    },
  };
}

/**
 * A host is looked at four times a second while there are few of them. The work of looking is bounded when there are more,
 * and when there are very many only requests tell.
 */
export function checkIntervalMs(hosts: number, tls: boolean): number | undefined {
  if (hosts > MOST_CHECKED) return undefined;
  const shortest = tls ? SHORTEST_TLS_CHECK_MS : SHORTEST_CHECK_MS;
  // Doubled, not counted exactly: else each host more would make every cluster a new one.
  const steps = Math.max(0, Math.ceil(Math.log2((hosts * 1000) / CHECKS_PER_S / shortest)));
  return shortest * 2 ** steps;
}
