import { RouteConfiguration } from "../../proto/generated/envoy/config/route/v3/route.ts";
import { RetryPolicy, Route as RouteMessage } from "../../proto/generated/envoy/config/route/v3/route_components.ts";
import { PreviousHostsPredicate } from "../../proto/generated/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.ts";
import type { FrontDoor, Route } from "../fleet/fleet.ts";
import { packAny } from "./any.ts";
import { duration } from "./duration.ts";

/** A worker sets this header (to `1`) on a 503 when it has not begun to run the request: it may go to another worker. */
export const NOT_STARTED_HEADER = "x-evenkeel-not-started";

/** A worker that stops sets it: Envoy leaves the worker out at once, where the cluster has a health check. */
const HEALTH_CHECK_FAIL_HEADER = "x-envoy-immediate-health-check-fail";

const RETRIES = 8;
/**
 * How often to draw again when the load balancer names a worker that this request has already met. Of two, the one with fewer
 * requests is drawn 255 times in 256; that many draws take some tens of microseconds.
 */
const HOST_DRAWS = 300;
const INT64_MAX = 2n ** 63n - 1n;

/** Envoy's message for the routes of a front door. */
export function routeMessage(door: FrontDoor): RouteConfiguration {
  return RouteConfiguration.fromPartial({
    name: door.name,
    virtualHosts: [
      {
        name: door.name,
        domains: ["*"],
        routes: [tooLarge(door.maxRequestBytes), ...door.routes.map(toCluster)],
        // Internal between worker and Envoy; a client gets the 503 when no worker had room.
        responseHeadersToRemove: [NOT_STARTED_HEADER, HEALTH_CHECK_FAIL_HEADER],
        retryPolicy: retryPolicy(),
      },
    ],
  });
}

/**
 * Refuses a body whose length is said to be over the limit before any of it is read. A body of unsaid length (chunked) is
 * the worker's to cut: every Envoy filter that could do it holds the whole body back.
 */
function tooLarge(maxRequestBytes: number): RouteMessage {
  return RouteMessage.fromPartial({
    name: "too-large",
    match: {
      pathSpecifier: { $case: "prefix", prefix: "/" },
      headers: [
        {
          name: "content-length",
          headerMatchSpecifier: {
            $case: "rangeMatch",
            rangeMatch: { start: BigInt(maxRequestBytes) + 1n, end: INT64_MAX },
          },
        },
      ],
    },
    action: { $case: "directResponse", directResponse: { status: 413 } },
  });
}

function toCluster(route: Route): RouteMessage {
  return RouteMessage.fromPartial({
    name: route.prefix,
    match: { pathSpecifier: { $case: "prefix", prefix: route.prefix } },
    action: {
      $case: "route",
      route: {
        clusterSpecifier: { $case: "cluster", cluster: route.cluster },
        timeout: duration(route.timeoutMs ?? 0),
        // A script may be silent as long as its time lasts; a client that sends nothing is the listener's matter.
        idleTimeout: duration(0),
      },
    },
  });
}

/** Tries again only where no script can have begun: a second run of one that has may do harm. */
function retryPolicy(): RetryPolicy {
  return RetryPolicy.fromPartial({
    retryOn: "connect-failure,refused-stream,reset-before-request,retriable-headers",
    retriableHeaders: [
      {
        name: NOT_STARTED_HEADER,
        headerMatchSpecifier: {
          $case: "stringMatch",
          stringMatch: { matchPattern: { $case: "exact", exact: "1" } },
        },
      },
    ],
    numRetries: RETRIES,
    retryBackOff: { baseInterval: duration(5), maxInterval: duration(100) },
    retryHostPredicate: [
      {
        name: "envoy.retry_host_predicates.previous_hosts",
        configType: {
          $case: "typedConfig",
          typedConfig: packAny(
            "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
            PreviousHostsPredicate.fromPartial({}),
          ),
        },
      },
    ],
    hostSelectionRetryMaxAttempts: BigInt(HOST_DRAWS),
  });
}
