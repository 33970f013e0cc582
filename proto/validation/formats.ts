import { isIP, isIPv4, isIPv6 } from "node:net";

/** A text format: whether a text has it, and its name for messages. */
export interface Format {
  readonly matches: (text: string) => boolean;
  readonly is: string;
}

/** RFC 1123, as protoc-gen-validate states it: at most 253 characters, labels of at most 63, the last not all digits. */
function isHostname(text: string): boolean {
  const labels = text.replace(/\.$/, "").toLowerCase().split(".");
  if (text.length > 253 || /^\d+$/.test(labels.at(-1) ?? "")) return false;
  return labels.every((label) => label.length <= 63 && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(label));
}

/** The `well_known` rules of protoc-gen-validate's StringRules, by name. */
export const FORMATS: Readonly<Record<string, Format>> = {
  email: {
    matches: (text) => {
      const at = text.lastIndexOf("@");
      return at > 0 && at <= 64 && !/[\s<>]/.test(text) && isHostname(text.slice(at + 1));
    },
    is: "an e-mail address",
  },
  hostname: { matches: isHostname, is: "a host name" },
  ip: { matches: (text) => isIP(text) !== 0, is: "an IP address" },
  ipv4: { matches: isIPv4, is: "an IPv4 address" },
  ipv6: { matches: isIPv6, is: "an IPv6 address" },
  address: { matches: (text) => isIP(text) !== 0 || isHostname(text), is: "a host name or an IP address" },
  uri: { matches: (text) => URL.canParse(text), is: "an absolute URI" },
  uri_ref: { matches: (text) => URL.canParse(text, "http://base.invalid"), is: "a URI or a relative reference" },
  uuid: { matches: (text) => /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text), is: "a UUID" },
};

/** `KnownRegex` of validate.proto by number, strict and not. RFC 9110: a name is a token, a value has no control characters. */
const KNOWN_REGEXES: Readonly<Record<number, { strict: RegExp; lax: RegExp; is: string }>> = {
  1: { strict: /^:?[!#$%&'*+\-.^_`|~\dA-Za-z]+$/, lax: /^[^\0\n\r]+$/, is: "an HTTP header name" },
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it forbids
  2: { strict: /^[^\x00-\x08\x0a-\x1f\x7f]*$/, lax: /^[^\0\n\r]*$/, is: "an HTTP header value" },
};

/** The format behind a `well_known_regex`; undefined when its number is not known. */
export function knownRegex(number: number, strict: boolean): Format | undefined {
  const known = KNOWN_REGEXES[number];
  if (known === undefined) return undefined;
  const regex = strict ? known.strict : known.lax;
  return { matches: (text) => regex.test(text), is: known.is };
}
