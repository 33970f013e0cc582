import { ACTIVE_REQUEST_BIAS, CHOICES } from "../../common/least-request.ts";
import type { LoadBalancingPolicy } from "../../proto/generated/envoy/config/cluster/v3/cluster.ts";
import {
  Cluster_DiscoveryType,
  Cluster as ClusterMessage,
} from "../../proto/generated/envoy/config/cluster/v3/cluster.ts";
import { OutlierDetection } from "../../proto/generated/envoy/config/cluster/v3/outlier_detection.ts";
import { HealthCheck } from "../../proto/generated/envoy/config/core/v3/health_check.ts";
import { Http1ProtocolOptions, Http2ProtocolOptions } from "../../proto/generated/envoy/config/core/v3/protocol.ts";
import {
  LeastRequest,
  LeastRequest_SelectionMethod,
} from "../../proto/generated/envoy/extensions/load_balancing_policies/least_request/v3/least_request.ts";
import {
  HttpProtocolOptions,
  type HttpProtocolOptions_ExplicitHttpConfig,
} from "../../proto/generated/envoy/extensions/upstreams/http/v3/http_protocol_options.ts";
import type { Any } from "../../proto/generated/google/protobuf/any.ts";
import type { Cluster } from "../fleet/fleet.ts";
import { packAny } from "./any.ts";
import { fromAds } from "./config-source.ts";
import { duration } from "./duration.ts";

export interface ClusterOptions {
  /** How strongly requests under way lower an endpoint's weight, when weights differ. Default: {@link ACTIVE_REQUEST_BIAS}. */
  readonly activeRequestBias?: number;
}

/** Shorter than the 72 s for which a worker keeps an idle connection: Envoy lets go first, so no request meets a closing one. */
const IDLE_TIMEOUT_MS = 60_000;
const CONNECTION_BUFFER_BYTES = 128 * 2 ** 10;
/** The worker limits itself (its queue) and says so; a limit here would only hide it. */
const NO_LIMIT = 1_000_000;

/** Envoy's message for a cluster; its endpoints come apart from it ({@link file://./endpoints.ts}). */
export function clusterMessage(cluster: Cluster, options: ClusterOptions = {}): ClusterMessage {
  return ClusterMessage.fromPartial({
    name: cluster.name,
    clusterDiscoveryType: { $case: "type", type: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: fromAds() },
    connectTimeout: duration(cluster.connectTimeoutMs),
    perConnectionBufferLimitBytes: CONNECTION_BUFFER_BYTES,
    loadBalancingPolicy: leastRequest(options.activeRequestBias ?? ACTIVE_REQUEST_BIAS),
    commonLbConfig: {
      // Below the threshold Envoy would send requests to draining and dead endpoints too.
      healthyPanicThreshold: { value: 0 },
      // The control plane decides how often weights change; Envoy need not hold them back.
      updateMergeWindow: duration(0),
    },
    circuitBreakers: {
      thresholds: [
        {
          maxConnections: NO_LIMIT,
          maxPendingRequests: NO_LIMIT,
          maxRequests: NO_LIMIT,
          maxRetries: NO_LIMIT,
        },
      ],
    },
    outlierDetection: outlierDetection(),
    healthChecks: cluster.healthCheckPath === undefined ? [] : [healthCheck(cluster.healthCheckPath)],
    // One that has left the fleet gets no more requests, however healthy it is.
    ignoreHealthOnHostRemoval: true,
    typedExtensionProtocolOptions: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": httpOptions(cluster.protocol),
    },
    upstreamConnectionOptions: { tcpKeepalive: { keepaliveProbes: 3, keepaliveTime: 10, keepaliveInterval: 5 } },
  });
}

function leastRequest(activeRequestBias: number): LoadBalancingPolicy {
  const policy = LeastRequest.fromPartial({
    selectionMethod: LeastRequest_SelectionMethod.N_CHOICES,
    choiceCount: CHOICES,
    activeRequestBias: { defaultValue: activeRequestBias, runtimeKey: "evenkeel.active_request_bias" },
  });
  return {
    policies: [
      {
        typedExtensionConfig: {
          name: "envoy.load_balancing_policies.least_request",
          typedConfig: packAny("envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest", policy),
        },
      },
    ],
  };
}

/**
 * Leaves out an endpoint that cannot be connected to, within a few requests, for some seconds at a time. What an endpoint
 * answers is never held against it: a full queue (503) or a failed script says nothing about the next request.
 */
function outlierDetection(): OutlierDetection {
  return OutlierDetection.fromPartial({
    splitExternalLocalOriginErrors: true,
    consecutiveLocalOriginFailure: 3,
    enforcingConsecutiveLocalOriginFailure: 100,
    enforcingLocalOriginSuccessRate: 0,
    enforcingConsecutive5xx: 0,
    enforcingConsecutiveGatewayFailure: 0,
    enforcingSuccessRate: 0,
    interval: duration(1000),
    baseEjectionTime: duration(2000),
    maxEjectionTime: duration(30_000),
    maxEjectionPercent: 100,
  });
}

/**
 * Asks every second. An answer other than 200 leaves the endpoint out at once; a worker that stops also says so with
 * `x-envoy-immediate-health-check-fail` on its answers, so that nothing has to wait for the next look. A worker that is
 * starved of CPU may be slow to answer: only three silences in a row count.
 */
function healthCheck(path: string): HealthCheck {
  return HealthCheck.fromPartial({
    timeout: duration(2000),
    interval: duration(1000),
    noTrafficInterval: duration(1000),
    unhealthyThreshold: 3,
    healthyThreshold: 1,
    healthChecker: { $case: "httpHealthCheck", httpHealthCheck: { path } },
  });
}

function httpOptions(protocol: Cluster["protocol"]): Any {
  const options = HttpProtocolOptions.fromPartial({
    commonHttpProtocolOptions: { idleTimeout: duration(IDLE_TIMEOUT_MS) },
    upstreamProtocolOptions: {
      $case: "explicitHttpConfig",
      explicitHttpConfig: { protocolConfig: protocolConfig(protocol) },
    },
  });
  return packAny("envoy.extensions.upstreams.http.v3.HttpProtocolOptions", options);
}

type ProtocolConfig = HttpProtocolOptions_ExplicitHttpConfig["protocolConfig"];

function protocolConfig(protocol: Cluster["protocol"]): ProtocolConfig {
  if (protocol === "http1")
    return { $case: "httpProtocolOptions", httpProtocolOptions: Http1ProtocolOptions.fromPartial({}) };
  return {
    $case: "http2ProtocolOptions",
    http2ProtocolOptions: Http2ProtocolOptions.fromPartial({
      connectionKeepalive: { interval: duration(30_000), timeout: duration(5000) },
    }),
  };
}
