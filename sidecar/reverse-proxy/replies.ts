import { LocalReplyConfig } from "../../proto/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";
import { type Reply, replyMapper } from "../../xds/resources/local-replies.ts";

/**
 * What Envoy answers by itself when a request cannot be passed on, always as `{"detail": "…"}`. The first that matches
 * wins. The health check is none of them: its answer stays text.
 */
const REPLIES: readonly Reply[] = [
  { on: { status: 431 }, detail: "the request's header fields are too large" },
  { on: { flags: ["NR"] }, detail: "no service has this domain" },
  { on: { flags: ["UH", "NC"] }, detail: "no host of the service is up", status: 503, retryAfterS: 1 },
  { on: { flags: ["UF"] }, detail: "no host of the service could be reached", status: 503, retryAfterS: 1 },
  // The body outgrew what is kept for a second try while there was no host to send it to.
  { on: { status: 507 }, detail: "no host of the service could be reached", status: 503, retryAfterS: 1 },
  { on: { flags: ["UO", "OM"] }, detail: "too many requests at once", status: 503, retryAfterS: 1 },
  { on: { flags: ["UC", "UR", "UPE", "LR"] }, detail: "the host went away before it answered", status: 502 },
  { on: { status: 400 }, detail: "the request is not valid HTTP" },
  { on: { status: 403 }, detail: "upgrades other than to WebSocket are not passed on" },
  { on: { status: 408 }, detail: "the request did not arrive in time" },
];

export function proxyReplies(): LocalReplyConfig {
  return LocalReplyConfig.fromPartial({
    mappers: REPLIES.map((reply) => ({
      ...replyMapper(reply),
      bodyFormatOverride: { format: { $case: "jsonFormat", jsonFormat: { detail: "%LOCAL_REPLY_BODY%" } } },
    })),
  });
}
