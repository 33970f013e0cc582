import { RouteConfiguration } from "../../proto/generated/envoy/config/route/v3/route.ts";
import { RetryPolicy, Route, VirtualHost } from "../../proto/generated/envoy/config/route/v3/route_components.ts";
import { PreviousHostsPredicate } from "../../proto/generated/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.ts";
import { packAny } from "../../xds/resources/any.ts";
import { duration } from "../../xds/resources/duration.ts";
import { clusterName, hasChoice } from "./cluster.ts";
import type { ProxyConfig, ProxyService } from "./config.ts";

export const HEALTH_CHECK_PATH = "/api/v2/_health_check";
export const HEALTH_CHECK_TEXT = "Health-check reverse-proxy is working!!!!!";

const ANY_DOMAIN = "*";
const RETRIES = 4;
/** How often to draw again when a host is drawn that this request has already met. */
const HOST_DRAWS = 12;

/** Envoy's message for the routes: the health check under every domain, each service under its own. */
export function routeMessage(name: string, config: ProxyConfig): RouteConfiguration {
  const hosts = config.services.map(virtualHost);
  const anyDomain = VirtualHost.fromPartial({ name: ANY_DOMAIN, domains: [ANY_DOMAIN], routes: [healthCheck()] });
  const routes = RouteConfiguration.fromPartial({
    name,
    ignorePortInHostMatching: true,
    // Envoy adds it for a client at the edge; the hosts get what the client sent.
    requestHeadersToRemove: ["x-envoy-external-address"],
  });
  // Not given to fromPartial, which would copy thousands of them.
  const virtualHosts = config.services.some(({ domain }) => domain === ANY_DOMAIN) ? hosts : [...hosts, anyDomain];
  return { ...routes, virtualHosts };
}

function virtualHost(service: ProxyService): VirtualHost {
  return VirtualHost.fromPartial({
    name: clusterName(service),
    domains: [service.domain],
    routes: [healthCheck(), toService(service)],
    ...(hasChoice(service) ? { retryPolicy: retryPolicy() } : {}),
  });
}

function healthCheck(): Route {
  return Route.fromPartial({
    match: {
      pathSpecifier: { $case: "path", path: HEALTH_CHECK_PATH },
      headers: [
        {
          name: ":method",
          headerMatchSpecifier: {
            $case: "stringMatch",
            stringMatch: { matchPattern: { $case: "exact", exact: "GET" } },
          },
        },
      ],
    },
    action: {
      $case: "directResponse",
      directResponse: {
        status: 200,
        body: { specifier: { $case: "inlineString", inlineString: HEALTH_CHECK_TEXT } },
      },
    },
  });
}

function toService(service: ProxyService): Route {
  return Route.fromPartial({
    match: { pathSpecifier: { $case: "prefix", prefix: "/" } },
    action: {
      $case: "route",
      route: {
        clusterSpecifier: { $case: "cluster", cluster: clusterName(service) },
        ...(service.rewriteHost ? HOSTS_OWN_NAME : {}),
        // How long an answer may take, and a WebSocket be silent, is between the client and the host.
        timeout: duration(0),
        idleTimeout: duration(0),
      },
    },
  });
}

const HOSTS_OWN_NAME = {
  hostRewriteSpecifier: { $case: "autoHostRewrite", autoHostRewrite: true },
  appendXForwardedHost: true,
} as const;

/** Another host is tried only where the first cannot have seen the request. */
function retryPolicy(): RetryPolicy {
  return RetryPolicy.fromPartial({
    retryOn: "connect-failure,refused-stream,reset-before-request",
    numRetries: RETRIES,
    retryBackOff: { baseInterval: duration(5), maxInterval: duration(50) },
    retryHostPredicate: [
      {
        name: "envoy.retry_host_predicates.previous_hosts",
        configType: { $case: "typedConfig", typedConfig: PREVIOUS_HOSTS },
      },
    ],
    hostSelectionRetryMaxAttempts: BigInt(HOST_DRAWS),
  });
}

const PREVIOUS_HOSTS = packAny(
  "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
  PreviousHostsPredicate.fromPartial({}),
);
