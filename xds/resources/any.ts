import { FileAccessLog } from "../../proto/generated/envoy/extensions/access_loggers/file/v3/file.ts";
import {
  StderrAccessLog,
  StdoutAccessLog,
} from "../../proto/generated/envoy/extensions/access_loggers/stream/v3/stream.ts";
import {
  Buffer as BufferFilter,
  BufferPerRoute,
} from "../../proto/generated/envoy/extensions/filters/http/buffer/v3/buffer.ts";
import { HealthCheck } from "../../proto/generated/envoy/extensions/filters/http/health_check/v3/health_check.ts";
import { Router } from "../../proto/generated/envoy/extensions/filters/http/router/v3/router.ts";
import { HttpConnectionManager } from "../../proto/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";
import { ClientSideWeightedRoundRobin } from "../../proto/generated/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin.ts";
import { LeastRequest } from "../../proto/generated/envoy/extensions/load_balancing_policies/least_request/v3/least_request.ts";
import { Random } from "../../proto/generated/envoy/extensions/load_balancing_policies/random/v3/random.ts";
import { RoundRobin } from "../../proto/generated/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin.ts";
import { WrrLocality } from "../../proto/generated/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality.ts";
import { PreviousHostsPredicate } from "../../proto/generated/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.ts";
import {
  DownstreamTlsContext,
  UpstreamTlsContext,
} from "../../proto/generated/envoy/extensions/transport_sockets/tls/v3/tls.ts";
import { HttpProtocolOptions } from "../../proto/generated/envoy/extensions/upstreams/http/v3/http_protocol_options.ts";
import type { Any } from "../../proto/generated/google/protobuf/any.ts";

/** The prefix of every type URL that Envoy knows. */
export const TYPE_URL_PREFIX = "type.googleapis.com/";

/** What goes into Envoy's `typed_config` fields, by message type. */
const EXTENSIONS = {
  "envoy.extensions.access_loggers.file.v3.FileAccessLog": FileAccessLog,
  "envoy.extensions.access_loggers.stream.v3.StderrAccessLog": StderrAccessLog,
  "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog": StdoutAccessLog,
  "envoy.extensions.filters.http.buffer.v3.Buffer": BufferFilter,
  "envoy.extensions.filters.http.buffer.v3.BufferPerRoute": BufferPerRoute,
  "envoy.extensions.filters.http.health_check.v3.HealthCheck": HealthCheck,
  "envoy.extensions.filters.http.router.v3.Router": Router,
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager": HttpConnectionManager,
  "envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin":
    ClientSideWeightedRoundRobin,
  "envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest": LeastRequest,
  "envoy.extensions.load_balancing_policies.random.v3.Random": Random,
  "envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin": RoundRobin,
  "envoy.extensions.load_balancing_policies.wrr_locality.v3.WrrLocality": WrrLocality,
  "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate": PreviousHostsPredicate,
  "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext": DownstreamTlsContext,
  "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext": UpstreamTlsContext,
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": HttpProtocolOptions,
} as const;

export type ExtensionName = keyof typeof EXTENSIONS;
/** The message of an extension type. */
export type ExtensionMessage<N extends ExtensionName> = ReturnType<(typeof EXTENSIONS)[N]["decode"]>;

/**
 * Packs a message for a `typed_config` field. Its rules are checked with the resource that it becomes part of.
 * @example
 * packAny("envoy.extensions.filters.http.router.v3.Router", Router.fromPartial({}))
 * @throws Error when a number in it does not fit its field
 */
export function packAny<N extends ExtensionName>(typeName: N, message: ExtensionMessage<N>): Any {
  // The name picks both the codec and the message's type, which TypeScript cannot tie together here.
  const codec = EXTENSIONS[typeName] as { encode(message: ExtensionMessage<N>): { finish(): Uint8Array } };
  return anyOf(TYPE_URL_PREFIX + typeName, codec.encode(message).finish());
}

/** An Any around bytes that are encoded already; they are shared, not copied. */
export function anyOf(typeUrl: string, value: Uint8Array): Any {
  return { typeUrl, value: Buffer.from(value.buffer, value.byteOffset, value.byteLength) };
}
