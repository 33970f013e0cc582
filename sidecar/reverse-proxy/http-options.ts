import type { Http1ProtocolOptions } from "../../proto/generated/envoy/config/core/v3/protocol.ts";
import { Http1ProtocolOptions as Http1Message } from "../../proto/generated/envoy/config/core/v3/protocol.ts";
import { anyOf, TYPE_URL_PREFIX } from "../../xds/resources/any.ts";

/**
 * A connection may hold so much unsent data in Envoy; more is left with who sends it. It is also how much of a body Envoy
 * keeps for a second try.
 */
export const CONNECTION_BUFFER_BYTES = 2 * 2 ** 20;
/** Header fields of a request or an answer; Envoy's own limit of 100 is below what some programs send. */
export const MAX_HEADERS = 1000;
/** All header fields of a request with its URL together, in KiB. */
export const MAX_REQUEST_HEADERS_KIB = 256;

/** HTTP/1.1 on either side, passed on as it came: capital letters of header names, trailers. */
export function untouchedHttp1(): Http1ProtocolOptions {
  return Http1Message.fromPartial({
    enableTrailers: true,
    headerKeyFormat: {
      headerFormat: {
        $case: "statefulFormatter",
        statefulFormatter: {
          name: "envoy.http.stateful_header_formatters.preserve_case",
          // Its defaults are right, and a message of nothing but defaults has no bytes.
          typedConfig: anyOf(
            `${TYPE_URL_PREFIX}envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig`,
            new Uint8Array(),
          ),
        },
      },
    },
  });
}
