import { isIP } from "node:net";
import { endpointAddress, listenAddress } from "../../xds/fleet/file/addresses.ts";
import { DEFAULT_PORTS, type ProxyHost, type ProxyListen, type Scheme } from "./config.ts";

const SCHEMES = Object.keys(DEFAULT_PORTS);
const DEFAULT_LISTEN = { address: "0.0.0.0", port: 8080 };

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const MAX_NAME = 253;

/** A fault of one of the two values that name a place; the message continues "VALUE …". */
export class PlaceError extends Error {
  readonly of: "address" | "port";

  constructor(of: "address" | "port", message: string) {
    super(message);
    this.of = of;
  }
}

/**
 * Reads where a host is. The address may carry a scheme and a port; an empty port is the scheme's own.
 * @throws PlaceError
 */
export function readHost(address: string, port: string): ProxyHost {
  const parts = split(address);
  const scheme = readScheme(parts.scheme);
  return {
    scheme,
    address: readAddress(parts.host),
    port: readPort(parts.port, port) ?? DEFAULT_PORTS[scheme],
  };
}

/**
 * Reads where to listen: an IP address (empty: all of the machine's) and a port (empty: 8080).
 * @throws PlaceError
 */
export function readListen(address: string, port: string): ProxyListen {
  if (address.trim() === "") return { ...DEFAULT_LISTEN, port: readPort(undefined, port) ?? DEFAULT_LISTEN.port };
  const parts = split(address);
  if (readScheme(parts.scheme) !== "http")
    throw new PlaceError("address", "asks for TLS or HTTP/2 alone; the proxy takes HTTP/1.1 and HTTP/2 in clear");
  const host = parts.host === "localhost" ? "127.0.0.1" : parts.host;
  if (isIP(host) === 0) throw new PlaceError("address", "is not an IP address of this machine (such as 0.0.0.0)");
  return {
    address: addressChecked(listenAddress, host),
    port: readPort(parts.port, port) ?? DEFAULT_LISTEN.port,
  };
}

/**
 * Reads a service's domain: a host name, `*.` and a host name, or `*`.
 * @throws Error whose message continues "VALUE …"
 */
export function readDomain(text: string): string {
  const domain = text.trim().toLowerCase().replace(/\.$/, "");
  if (domain === "") throw new Error("must not be empty");
  if (domain === "*") return domain;
  if (domain.includes("://")) throw new Error("carries a scheme; write the domain alone");
  if (domain.includes("/")) throw new Error("carries a path; write the domain alone");
  if (/:\d*$/.test(domain)) throw new Error("carries a port; write the domain alone, requests match with any port");
  if (!isName(domain.replace(/^\*\./, ""))) throw new Error("is not a domain name, such as my-service.example.com");
  return domain;
}

interface Parts {
  readonly scheme: string | undefined;
  readonly host: string;
  readonly port: string | undefined;
}

function split(text: string): Parts {
  const [, scheme, rest = ""] = /^(?:([^:/]*):\/\/)?(.*)$/s.exec(text.trim().toLowerCase()) ?? [];
  const place = rest.replace(/\/$/, "");
  if (/[/?#]/.test(place)) throw new PlaceError("address", "carries a path; the request's own is passed on unchanged");
  if (place.includes("@")) throw new PlaceError("address", "carries a user name; the request's headers are unchanged");
  if (isIP(place) === 6) return { scheme, host: place, port: undefined };
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/s.exec(place) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || (bracketed !== undefined && isIP(bracketed) !== 6))
    throw new PlaceError("address", "is not an address or a host name");
  if (host === "") throw new PlaceError("address", "must not be empty");
  return { scheme, host, port };
}

function readScheme(text: string | undefined): Scheme {
  if (text === undefined) return "http";
  if (!SCHEMES.includes(text)) throw new PlaceError("address", `has a scheme that is not one of ${SCHEMES.join(", ")}`);
  return text as Scheme;
}

function readAddress(host: string): string {
  if (isIP(host) !== 0) return addressChecked(endpointAddress, host);
  const name = host.replace(/\.$/, "");
  if (/^[\d.]+$/.test(name)) throw new PlaceError("address", "is not an IPv4 address");
  if (!isName(name)) throw new PlaceError("address", "is not an address or a host name");
  return name;
}

function addressChecked(check: (text: string) => string, host: string): string {
  try {
    return check(host);
  } catch (error) {
    throw new PlaceError("address", (error as Error).message);
  }
}

function isName(text: string): boolean {
  return text.length <= MAX_NAME && text.split(".").every((label) => LABEL.test(label));
}

/** The port of either place; undefined when both are empty. */
function readPort(inAddress: string | undefined, own: string): number | undefined {
  const [first, second] = [inAddress?.trim(), own.trim()].filter((text) => text !== undefined && text !== "");
  if (first === undefined) return undefined;
  if (second !== undefined && second !== first)
    throw new PlaceError("port", `is not the port ${first} that the address carries; give one of them`);
  const port = Number(first);
  if (!/^\d+$/.test(first) || port < 1 || port > 65_535) throw new PlaceError("port", "is not a port from 1 to 65535");
  return port;
}
