import {
  type AccessLogFilter,
  ComparisonFilter_Op,
} from "../../proto/generated/envoy/config/accesslog/v3/accesslog.ts";
import { HeaderValueOption_HeaderAppendAction } from "../../proto/generated/envoy/config/core/v3/base.ts";
import {
  LocalReplyConfig,
  ResponseMapper,
} from "../../proto/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";

/** One kind of answer that Envoy itself gives. */
export interface Reply {
  /** Envoy's response flags, any of which marks it, or the status that Envoy has chosen. */
  readonly on: { readonly flags: readonly string[] } | { readonly status: number };
  readonly detail: string;
  /** The status that the client gets; absent: Envoy's. */
  readonly status?: number;
  /** Nothing was started, so the client may try again after so many seconds. */
  readonly retryAfterS?: number;
}

/**
 * What Envoy answers by itself, always as `{"detail": "…"}`. The first that matches wins.
 * Flags: https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage
 */
function replies(maxRequestBytes: number): readonly Reply[] {
  return [
    { on: { status: 413 }, detail: `the request body is larger than ${maxRequestBytes} bytes` },
    { on: { status: 431 }, detail: "the request's header fields are too large" },
    { on: { flags: ["NR"] }, detail: "nothing is served under this path" },
    { on: { flags: ["UH", "NC"] }, detail: "no worker is ready", status: 503, retryAfterS: 1 },
    { on: { flags: ["UF"] }, detail: "no worker could be reached", status: 503, retryAfterS: 1 },
    // The body outgrew what is kept for a second try while there was no worker to send it to.
    { on: { status: 507 }, detail: "no worker could be reached", status: 503, retryAfterS: 1 },
    { on: { flags: ["UO", "OM"] }, detail: "too many requests at once", status: 503, retryAfterS: 1 },
    { on: { flags: ["UT"] }, detail: "the worker did not answer in time", status: 504 },
    { on: { flags: ["UC", "UR", "UPE", "LR"] }, detail: "the worker went away before it answered", status: 502 },
    { on: { status: 400 }, detail: "the request is not valid HTTP" },
    { on: { status: 408 }, detail: "the request did not arrive in time" },
    // These two Envoy answers without a word: `OPTIONS *`, and a wish for WebSocket and its like.
    { on: { status: 404 }, detail: "nothing is served under this path" },
    { on: { status: 403 }, detail: "the connection cannot change its protocol here" },
  ];
}

/** @param maxRequestBytes the front door's limit, for the text of a 413 */
export function localReplyConfig(maxRequestBytes: number): LocalReplyConfig {
  return LocalReplyConfig.fromPartial({
    mappers: replies(maxRequestBytes).map(replyMapper),
    bodyFormat: { format: { $case: "jsonFormat", jsonFormat: { detail: "%LOCAL_REPLY_BODY%" } } },
  });
}

/** Envoy's message for one of its own answers; its body is the bare detail, for a body format to wrap. */
export function replyMapper(reply: Reply): ResponseMapper {
  return ResponseMapper.fromPartial({
    filter: filter(reply.on),
    ...(reply.status === undefined ? {} : { statusCode: reply.status }),
    body: { specifier: { $case: "inlineString", inlineString: reply.detail } },
    headersToAdd:
      reply.retryAfterS === undefined
        ? []
        : [
            {
              header: { key: "retry-after", value: String(reply.retryAfterS) },
              appendAction: HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
            },
          ],
  });
}

function filter(on: Reply["on"]): AccessLogFilter {
  if ("flags" in on)
    return {
      filterSpecifier: { $case: "responseFlagFilter", responseFlagFilter: { flags: [...on.flags] } },
    };
  return {
    filterSpecifier: {
      $case: "statusCodeFilter",
      statusCodeFilter: {
        comparison: {
          op: ComparisonFilter_Op.EQ,
          value: { defaultValue: on.status, runtimeKey: `evenkeel.local_reply.${on.status}` },
        },
      },
    },
  };
}
