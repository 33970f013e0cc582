import { Listener } from "../../proto/generated/envoy/config/listener/v3/listener.ts";
import { Router } from "../../proto/generated/envoy/extensions/filters/http/router/v3/router.ts";
import {
  HttpConnectionManager,
  HttpConnectionManager_CodecType,
  HttpConnectionManager_PathWithEscapedSlashesAction,
  HttpConnectionManager_ServerHeaderTransformation,
} from "../../proto/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";
import { packAny } from "../../xds/resources/any.ts";
import { fromAds } from "../../xds/resources/config-source.ts";
import { duration } from "../../xds/resources/duration.ts";
import { NOBODY_INTERNAL, stdoutLog } from "../../xds/resources/listener.ts";
import type { ProxyListen } from "./config.ts";
import { CONNECTION_BUFFER_BYTES, MAX_HEADERS, MAX_REQUEST_HEADERS_KIB, untouchedHttp1 } from "./http-options.ts";
import { proxyReplies } from "./replies.ts";

export interface ListenerOptions {
  /** One JSON line for each request on Envoy's standard output. */
  readonly accessLog?: boolean;
}

const HEADERS_TIMEOUT_MS = 15_000;
const IDLE_CONNECTION_MS = 15 * 60_000;

/** Envoy's message for where the proxy listens. Requests and answers pass as they are; bodies stream through. */
export function listenerMessage(name: string, listen: ProxyListen, options: ListenerOptions = {}): Listener {
  const manager = packAny(
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    connectionManager(name, options),
  );
  return Listener.fromPartial({
    name,
    address: {
      address: {
        $case: "socketAddress",
        socketAddress: {
          address: listen.address,
          portSpecifier: { $case: "portValue", portValue: listen.port },
          // `::` is every address of the machine, IPv4 too.
          ipv4Compat: listen.address === "::",
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

function connectionManager(name: string, options: ListenerOptions): HttpConnectionManager {
  const router = packAny(
    "envoy.extensions.filters.http.router.v3.Router",
    Router.fromPartial({ suppressEnvoyHeaders: true }),
  );
  return HttpConnectionManager.fromPartial({
    codecType: HttpConnectionManager_CodecType.AUTO,
    statPrefix: name,
    routeSpecifier: { $case: "rds", rds: { routeConfigName: name, configSource: fromAds() } },
    httpFilters: [{ name: "envoy.filters.http.router", configType: { $case: "typedConfig", typedConfig: router } }],
    commonHttpProtocolOptions: { idleTimeout: duration(IDLE_CONNECTION_MS), maxHeadersCount: MAX_HEADERS },
    httpProtocolOptions: { ...untouchedHttp1(), acceptHttp10: true },
    http2ProtocolOptions: {
      maxConcurrentStreams: 256,
      initialStreamWindowSize: CONNECTION_BUFFER_BYTES,
      initialConnectionWindowSize: 2 * CONNECTION_BUFFER_BYTES,
      // A WebSocket over HTTP/2 begins with CONNECT: RFC 8441.
      allowConnect: true,
      connectionKeepalive: { interval: duration(30_000), timeout: duration(10_000) },
    },
    upgradeConfigs: [{ upgradeType: "websocket" }],
    maxRequestHeadersKb: MAX_REQUEST_HEADERS_KIB,
    requestHeadersTimeout: duration(HEADERS_TIMEOUT_MS),
    // No time limit for bodies, answers and silent WebSockets.
    requestTimeout: duration(0),
    streamIdleTimeout: duration(0),
    // What the client sent is what the host gets.
    normalizePath: false,
    mergeSlashes: false,
    pathWithEscapedSlashesAction: HttpConnectionManager_PathWithEscapedSlashesAction.KEEP_UNCHANGED,
    proxy100Continue: true,
    generateRequestId: false,
    preserveExternalRequestId: true,
    serverHeaderTransformation: HttpConnectionManager_ServerHeaderTransformation.PASS_THROUGH,
    // To Envoy a client is a stranger whose orders to Envoy itself (x-envoy-retry-on and the like) are dropped, behind
    // one hop whose x-forwarded-proto stays.
    useRemoteAddress: true,
    xffNumTrustedHops: 1,
    skipXffAppend: true,
    internalAddressConfig: NOBODY_INTERNAL,
    localReplyConfig: proxyReplies(),
    accessLog: options.accessLog === true ? [stdoutLog()] : [],
  });
}
