import { isIP } from "node:net";
import {
  Cluster,
  Cluster_DiscoveryType,
  Cluster_DnsLookupFamily,
} from "../../proto/generated/envoy/config/cluster/v3/cluster.ts";
import { OutlierDetection } from "../../proto/generated/envoy/config/cluster/v3/outlier_detection.ts";
import { HealthCheck } from "../../proto/generated/envoy/config/core/v3/health_check.ts";
import { LbEndpoint } from "../../proto/generated/envoy/config/endpoint/v3/endpoint_components.ts";
import { Random } from "../../proto/generated/envoy/extensions/load_balancing_policies/random/v3/random.ts";
import { HttpProtocolOptions } from "../../proto/generated/envoy/extensions/upstreams/http/v3/http_protocol_options.ts";
import type { Any } from "../../proto/generated/google/protobuf/any.ts";
import { packAny } from "../../xds/resources/any.ts";
import { duration } from "../../xds/resources/duration.ts";
import { DEFAULT_PORTS, hostAndPort, isHttp2, isTls, type ProxyHost, type ProxyService } from "./config.ts";
import { CONNECTION_BUFFER_BYTES, MAX_HEADERS, untouchedHttp1 } from "./http-options.ts";
import { SOCKET_MATCH, socketMatches, socketMatchOf } from "./tls.ts";

export interface ClusterOptions {
  /** How often each host is tried with a connection, in ms; undefined: only requests tell which host is down. */
  readonly checkIntervalMs: number | undefined;
  /** The authorities that a host's certificate must be signed by, a PEM file. */
  readonly caFile: string;
}

const CONNECT_TIMEOUT_MS = 1000;
/** A host that drops packets is out after this and the interval; a busy one answers a connection long before. */
const CHECK_TIMEOUT_MS = 750;
/** Many servers close a connection that was idle for 5 s: Envoy lets go first, so no request meets a closing one. */
const IDLE_TIMEOUT_MS = 4000;
const DNS_REFRESH_MS = 5000;
/** The hosts limit themselves; a limit here would only hide it. */
const NO_LIMIT = 1_000_000;

/** Under this name Envoy knows a service. The prefix keeps it apart from the clusters of its bootstrap. */
export function clusterName(service: ProxyService): string {
  return `service.${service.name}`;
}

/** Whether there is another host to go to when one is down. A name may lead to several. */
export function hasChoice(service: ProxyService): boolean {
  return service.hosts.length > 1 || service.hosts.some(({ address }) => isIP(address) === 0);
}

/** Envoy's message for a service: its hosts, one of which is picked at random for each request. */
export function clusterMessage(service: ProxyService, options: ClusterOptions): Cluster {
  const name = clusterName(service);
  return Cluster.fromPartial({
    name,
    ...discovery(service.hosts),
    connectTimeout: duration(CONNECT_TIMEOUT_MS),
    perConnectionBufferLimitBytes: CONNECTION_BUFFER_BYTES,
    loadAssignment: {
      clusterName: name,
      endpoints: [{ lbEndpoints: service.hosts.map((host) => endpoint(host, service)) }],
    },
    loadBalancingPolicy: {
      policies: [{ typedExtensionConfig: { name: "envoy.load_balancing_policies.random", typedConfig: RANDOM } }],
    },
    commonLbConfig: {
      // Below the threshold Envoy would send requests to hosts that are down too.
      healthyPanicThreshold: { value: 0 },
      // By default Envoy may hold back for a second what it knows of a host.
      updateMergeWindow: duration(0),
    },
    circuitBreakers: {
      thresholds: [
        { maxConnections: NO_LIMIT, maxPendingRequests: NO_LIMIT, maxRequests: NO_LIMIT, maxRetries: NO_LIMIT },
      ],
    },
    ...(hasChoice(service) ? hostsDown(options.checkIntervalMs) : {}),
    typedExtensionProtocolOptions: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": service.hosts.some(({ scheme }) => isHttp2(scheme))
        ? HTTP2
        : HTTP1,
    },
    transportSocketMatches: socketMatches(service.hosts, options.caFile),
    upstreamConnectionOptions: { tcpKeepalive: { keepaliveProbes: 3, keepaliveTime: 10, keepaliveInterval: 5 } },
  });
}

const RANDOM = packAny("envoy.extensions.load_balancing_policies.random.v3.Random", Random.fromPartial({}));
const HTTP1 = protocolOptions({
  $case: "httpProtocolOptions",
  httpProtocolOptions: untouchedHttp1(),
});
const HTTP2 = protocolOptions({
  $case: "http2ProtocolOptions",
  http2ProtocolOptions: { connectionKeepalive: { interval: duration(30_000), timeout: duration(5000) } },
});

type ExplicitConfig = Extract<
  Parameters<typeof HttpProtocolOptions.fromPartial>[0]["upstreamProtocolOptions"],
  { $case: "explicitHttpConfig" }
>["explicitHttpConfig"];

function protocolOptions(protocolConfig: NonNullable<NonNullable<ExplicitConfig>["protocolConfig"]>): Any {
  const options = HttpProtocolOptions.fromPartial({
    commonHttpProtocolOptions: { idleTimeout: duration(IDLE_TIMEOUT_MS), maxHeadersCount: MAX_HEADERS },
    upstreamProtocolOptions: { $case: "explicitHttpConfig", explicitHttpConfig: { protocolConfig } },
  });
  return packAny("envoy.extensions.upstreams.http.v3.HttpProtocolOptions", options);
}

/** Hosts by address stand as they are; names are resolved by Envoy, again and again. */
function discovery(hosts: readonly ProxyHost[]): Partial<Cluster> {
  if (hosts.every(({ address }) => isIP(address) !== 0))
    return { clusterDiscoveryType: { $case: "type", type: Cluster_DiscoveryType.STATIC } };
  return {
    clusterDiscoveryType: { $case: "type", type: Cluster_DiscoveryType.STRICT_DNS },
    // A name with both kinds of address would count twice, and often only one of them is listened on.
    dnsLookupFamily: Cluster_DnsLookupFamily.V4_PREFERRED,
    dnsRefreshRate: duration(DNS_REFRESH_MS),
    respectDnsTtl: true,
    dnsFailureRefreshRate: { baseInterval: duration(500), maxInterval: duration(DNS_REFRESH_MS) },
  };
}

function endpoint(host: ProxyHost, { rewriteHost }: ProxyService): LbEndpoint {
  return LbEndpoint.fromPartial({
    hostIdentifier: {
      $case: "endpoint",
      endpoint: {
        address: {
          address: {
            $case: "socketAddress",
            socketAddress: {
              address: host.address,
              portSpecifier: { $case: "portValue", portValue: host.port },
            },
          },
        },
        ...(rewriteHost ? { hostname: authority(host) } : {}),
      },
    },
    ...(isTls(host.scheme) ? { metadata: { filterMetadata: { [SOCKET_MATCH]: socketMatchOf(host) } } } : {}),
  });
}

/** What stands in a request's `Host` field for this host: RFC 9110, section 7.2. */
function authority(host: ProxyHost): string {
  const place = hostAndPort(host);
  return host.port === DEFAULT_PORTS[host.scheme] ? place.slice(0, place.lastIndexOf(":")) : place;
}

/**
 * A host that cannot be connected to is left out: by checks, or where there are too many hosts for that, by the requests
 * that failed there. Until then a request is tried elsewhere. What a host answers is never held against it.
 */
function hostsDown(checkIntervalMs: number | undefined): Partial<Pick<Cluster, "healthChecks" | "outlierDetection">> {
  return checkIntervalMs === undefined
    ? { outlierDetection: outlierDetection() }
    : { healthChecks: [healthCheck(checkIntervalMs)] };
}

function outlierDetection(): OutlierDetection {
  return OutlierDetection.fromPartial({
    splitExternalLocalOriginErrors: true,
    consecutiveLocalOriginFailure: 2,
    enforcingConsecutiveLocalOriginFailure: 100,
    enforcingLocalOriginSuccessRate: 0,
    enforcingConsecutive5xx: 0,
    enforcingConsecutiveGatewayFailure: 0,
    enforcingSuccessRate: 0,
    interval: duration(1000),
    baseEjectionTime: duration(1000),
    maxEjectionTime: duration(5000),
    // Requests that fail all over may be the requests' fault.
    maxEjectionPercent: 50,
  });
}

/** A host is out with the first connection that fails, and back with the first that succeeds. */
function healthCheck(intervalMs: number): HealthCheck {
  const interval = duration(intervalMs);
  return HealthCheck.fromPartial({
    healthChecker: { $case: "tcpHealthCheck", tcpHealthCheck: {} },
    interval,
    // Envoy looks much less often, by default, at what nobody asks for.
    noTrafficInterval: interval,
    timeout: duration(CHECK_TIMEOUT_MS),
    unhealthyThreshold: 1,
    healthyThreshold: 1,
    // A new connection each time: one that is open says nothing about the next.
    reuseConnection: false,
    intervalJitterPercent: 10,
  });
}
