import { isIP } from "node:net";

/**
 * Checks an address that a request can be sent to, and puts it into its one canonical form.
 * @throws Error whose message continues "VALUE …"
 */
export function endpointAddress(text: string): string {
  const address = ipLiteral(text);
  if (isUnspecified(address)) throw new Error("stands for any address; name the endpoint's own");
  if (isMulticast(address)) throw new Error("is a multicast or broadcast address");
  if (address.startsWith("::ffff:")) throw new Error("is an IPv4 address in IPv6 form; write it as a.b.c.d");
  return address;
}

/**
 * Checks an address to listen on; `0.0.0.0` and `::` are all of the machine's.
 * @throws Error whose message continues "VALUE …"
 */
export function listenAddress(text: string): string {
  const address = ipLiteral(text);
  if (isMulticast(address)) throw new Error("is a multicast or broadcast address");
  return address;
}

export function isUnspecified(address: string): boolean {
  return address === "::" || address.startsWith("0.");
}

/** Whether two places to listen get in each other's way: an address that stands for all takes the port of each. */
export function sharePort(a: { address: string; port: number }, b: { address: string; port: number }): boolean {
  return a.port === b.port && (a.address === b.address || isUnspecified(a.address) || isUnspecified(b.address));
}

/**
 * Reads `ADDRESS:PORT` (IPv6 in brackets).
 * @throws Error whose message continues "VALUE …"
 */
export function addressAndPort(text: string): { address: string; port: number } {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65535)
    throw new Error("is not ADDRESS:PORT (such as 10.0.0.1:9081, [fd00::1]:9081) or a port");
  return { address: endpointAddress(match[1] ?? match[2] ?? ""), port };
}

function ipLiteral(text: string): string {
  const version = isIP(text);
  if (version === 4) return text;
  if (version === 6 && !text.includes("%")) return new URL(`http://[${text}]`).hostname.slice(1, -1);
  if (version === 6) throw new Error("has a zone index, which means nothing to other machines");
  if (/^\d[\d.]*$/.test(text)) throw new Error("is not an IPv4 address");
  if (text.includes(":") && !text.includes("/")) throw new Error("is not an IPv6 address");
  throw new Error("is not an IP address; host names are not taken, for Envoy's endpoint discovery resolves none");
}

function isMulticast(address: string): boolean {
  if (address.includes(":")) return address.startsWith("ff");
  return Number(address.split(".")[0]) >= 224;
}
