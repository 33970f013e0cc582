import { AccessLog } from "../../proto/generated/envoy/config/accesslog/v3/accesslog.ts";
import { HttpProtocolOptions_HeadersWithUnderscoresAction } from "../../proto/generated/envoy/config/core/v3/protocol.ts";
import { Listener } from "../../proto/generated/envoy/config/listener/v3/listener.ts";
import { StdoutAccessLog } from "../../proto/generated/envoy/extensions/access_loggers/stream/v3/stream.ts";
import { Router } from "../../proto/generated/envoy/extensions/filters/http/router/v3/router.ts";
import {
  HttpConnectionManager,
  HttpConnectionManager_CodecType,
  type HttpConnectionManager_InternalAddressConfig,
} from "../../proto/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";
import type { FrontDoor } from "../fleet/fleet.ts";
import { packAny } from "./any.ts";
import { fromAds } from "./config-source.ts";
import { duration } from "./duration.ts";
import { localReplyConfig } from "./local-replies.ts";

export interface ListenerOptions {
  /** One JSON line for each request on Envoy's standard output. */
  readonly accessLog?: boolean;
}

/**
 * A client's connection may hold so much unsent data in Envoy; more is left in the client. It is also how much of a body
 * Envoy keeps for a second try, and the only limit for that which is not deprecated in every Envoy of today.
 */
const CONNECTION_BUFFER_BYTES = 2 * 2 ** 20;
const HEADERS_TIMEOUT_MS = 15_000;
const MIN_UPLOAD_TIMEOUT_MS = 60_000;
/** A client slower than this, averaged over the largest body allowed, is taken for a dead or hostile one. */
const SLOWEST_UPLOAD_BYTES_PER_S = 100 * 2 ** 10;
const IDLE_CONNECTION_MS = 15 * 60_000;

/** Envoy's message for a front door; its routes come apart from it ({@link file://./route.ts}). Bodies stream through. */
export function listenerMessage(door: FrontDoor, options: ListenerOptions = {}): Listener {
  const manager = packAny(
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    connectionManager(door, options),
  );
  return Listener.fromPartial({
    name: door.name,
    address: {
      address: {
        $case: "socketAddress",
        socketAddress: {
          address: door.address,
          portSpecifier: { $case: "portValue", portValue: door.port },
        },
      },
    },
    filterChains: [
      {
        filters: [
          {
            name: "envoy.filters.network.http_connection_manager",
            configType: { $case: "typedConfig", typedConfig: manager },
          },
        ],
      },
    ],
    perConnectionBufferLimitBytes: CONNECTION_BUFFER_BYTES,
  });
}

/** How long a client may take to send its body, in ms; the time for the answer is the route's. */
export function uploadTimeoutMs(maxRequestBytes: number): number {
  return Math.max(MIN_UPLOAD_TIMEOUT_MS, Math.ceil(maxRequestBytes / SLOWEST_UPLOAD_BYTES_PER_S) * 1000);
}

function connectionManager(door: FrontDoor, options: ListenerOptions): HttpConnectionManager {
  const router = packAny("envoy.extensions.filters.http.router.v3.Router", Router.fromPartial({}));
  return HttpConnectionManager.fromPartial({
    codecType: HttpConnectionManager_CodecType.AUTO,
    statPrefix: door.name,
    routeSpecifier: { $case: "rds", rds: { routeConfigName: door.name, configSource: fromAds() } },
    httpFilters: [{ name: "envoy.filters.http.router", configType: { $case: "typedConfig", typedConfig: router } }],
    commonHttpProtocolOptions: {
      idleTimeout: duration(IDLE_CONNECTION_MS),
      // `a_b` and `a-b` are one header to many programs behind us: a way to smuggle one past a check.
      headersWithUnderscoresAction: HttpProtocolOptions_HeadersWithUnderscoresAction.DROP_HEADER,
    },
    // Some load testers and proxies still speak it.
    httpProtocolOptions: { acceptHttp10: true },
    http2ProtocolOptions: {
      maxConcurrentStreams: 128,
      // What is kept of an HTTP/2 body for a second try is this window.
      initialStreamWindowSize: CONNECTION_BUFFER_BYTES,
      initialConnectionWindowSize: 2 * CONNECTION_BUFFER_BYTES,
      connectionKeepalive: { interval: duration(30_000), timeout: duration(10_000) },
    },
    requestHeadersTimeout: duration(HEADERS_TIMEOUT_MS),
    requestTimeout: duration(uploadTimeoutMs(door.maxRequestBytes)),
    serverName: "evenkeel",
    useRemoteAddress: true,
    // No client is trusted with Envoy's own request headers, which could have a script run twice.
    internalAddressConfig: NOBODY_INTERNAL,
    generateRequestId: true,
    alwaysSetRequestIdInResponse: true,
    normalizePath: true,
    localReplyConfig: localReplyConfig(door.maxRequestBytes),
    accessLog: options.accessLog === true ? [stdoutLog()] : [],
  });
}

/**
 * Makes every client a stranger. Without any range Envoy takes private addresses, so all pods, for its own kind and obeys
 * their `x-envoy-…` headers; this one is nobody's.
 */
export const NOBODY_INTERNAL: HttpConnectionManager_InternalAddressConfig = {
  unixSockets: false,
  cidrRanges: [{ addressPrefix: "255.255.255.255", prefixLen: 32 }],
};

/** One JSON line for each request on Envoy's standard output. */
export function stdoutLog(): AccessLog {
  const log = StdoutAccessLog.fromPartial({
    accessLogFormat: {
      $case: "logFormat",
      logFormat: {
        format: {
          $case: "jsonFormat",
          jsonFormat: {
            time: "%START_TIME%",
            method: "%REQ(:METHOD)%",
            path: "%REQ(:PATH)%",
            protocol: "%PROTOCOL%",
            status: "%RESPONSE_CODE%",
            flags: "%RESPONSE_FLAGS%",
            details: "%RESPONSE_CODE_DETAILS%",
            durationMs: "%DURATION%",
            bytesReceived: "%BYTES_RECEIVED%",
            bytesSent: "%BYTES_SENT%",
            upstream: "%UPSTREAM_HOST%",
            attempts: "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
            client: "%DOWNSTREAM_REMOTE_ADDRESS%",
            requestId: "%REQ(X-REQUEST-ID)%",
          },
        },
      },
    },
  });
  return AccessLog.fromPartial({
    name: "envoy.access_loggers.stdout",
    configType: {
      $case: "typedConfig",
      typedConfig: packAny("envoy.extensions.access_loggers.stream.v3.StdoutAccessLog", log),
    },
  });
}
