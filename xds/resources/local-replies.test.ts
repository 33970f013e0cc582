import { expect, it } from "vitest";
import { localReplyConfig } from "./local-replies.ts";

/** What happens to an answer of Envoy's own, as `flags or status -> status, text, headers`. */
function table(): string[] {
  return localReplyConfig(1000).mappers.map(({ filter, statusCode, body, headersToAdd }) => {
    const on = filter?.filterSpecifier;
    const when =
      on?.$case === "responseFlagFilter"
        ? on.responseFlagFilter.flags.join(",")
        : on?.$case === "statusCodeFilter"
          ? String(on.statusCodeFilter.comparison?.value?.defaultValue)
          : "?";
    const text = body?.specifier?.$case === "inlineString" ? body.specifier.inlineString : "?";
    const headers = headersToAdd.map(({ header }) => ` ${header?.key}: ${header?.value}`).join("");
    return `${when} -> ${statusCode ?? "as it is"}, ${text}${headers}`;
  });
}

it("says why in words, and what the client may do", () => {
  expect(table()).toEqual([
    "413 -> as it is, the request body is larger than 1000 bytes",
    "431 -> as it is, the request's header fields are too large",
    "NR -> as it is, nothing is served under this path",
    "UH,NC -> 503, no worker is ready retry-after: 1",
    "UF -> 503, no worker could be reached retry-after: 1",
    "507 -> 503, no worker could be reached retry-after: 1",
    "UO,OM -> 503, too many requests at once retry-after: 1",
    "UT -> 504, the worker did not answer in time",
    "UC,UR,UPE,LR -> 502, the worker went away before it answered",
    "400 -> as it is, the request is not valid HTTP",
    "408 -> as it is, the request did not arrive in time",
    "404 -> as it is, nothing is served under this path",
    "403 -> as it is, the connection cannot change its protocol here",
  ]);
});

it("answers everything else in the same form", () => {
  expect(localReplyConfig(1000).bodyFormat?.format).toEqual({
    $case: "jsonFormat",
    jsonFormat: { detail: "%LOCAL_REPLY_BODY%" },
  });
});
