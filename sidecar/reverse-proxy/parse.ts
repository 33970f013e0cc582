import { z } from "zod";
import { EvenkeelError } from "../../common/errors.ts";
import { Faults } from "../../xds/fleet/file/check.ts";
import { type Fault, type Path, parseLocated } from "../../xds/fleet/file/located-yaml.ts";
import {
  hostAndPort,
  isHttp2,
  type ProxyConfig,
  type ProxyHost,
  type ProxyListen,
  type ProxyService,
} from "./config.ts";
import { PlaceError, readDomain, readHost, readListen } from "./places.ts";

/** More than these make a message that nobody reads. */
const TOLD_FAULTS = 20;

const port = z.union([z.string(), z.number()], { error: "is not a port from 1 to 65535" }).nullish();
const name = z
  .string()
  .min(1, "must not be empty")
  .max(200, "is longer than 200 characters")
  .regex(/^[A-Za-z0-9_.:|/@-]*$/, "may hold letters, digits and _ . : | / @ - only");

const fileSchema = z.strictObject({ proxy: z.unknown().optional() });
const proxySchema = z.strictObject({
  listen: z.unknown().optional(),
  services: z.array(z.unknown()).min(1, "has no service"),
});
const listenSchema = z.strictObject({ address: z.string().nullish(), port });
const serviceSchema = z.strictObject({
  name,
  domain: z.string(),
  hosts: z.array(z.unknown()).min(1, "has no host"),
  rewriteHost: z.boolean().nullish(),
});
const hostSchema = z.strictObject({ address: z.string(), port });

/** Something wrong with a configuration that has the right form. */
export interface FurtherFault {
  /** The value's place. */
  readonly path: Path;
  /** Continues the place, as text. */
  readonly what: string;
}

/** Says what is wrong with a configuration that has the right form. */
export type FurtherCheck = (config: ProxyConfig) => Iterable<FurtherFault>;

/**
 * Reads the text of a reverse proxy's configuration (its form: docs/reverse-proxy.md).
 * @param path the file's name, for messages
 * @throws EvenkeelError EK_PROXY_CONFIG_INVALID with every fault, each with its line and column
 */
export function parseProxyConfig(text: string, path: string, check: FurtherCheck = () => []): ProxyConfig {
  if (text.trim() === "") throw configInvalid(path, [{ line: 1, column: 1, what: "the file is empty" }]);
  const yaml = parseLocated(text);
  if ("faults" in yaml) throw configInvalid(path, yaml.faults);
  const faults = new Faults(yaml);
  if (!isMap(yaml.content)) throw configInvalid(path, [{ ...yaml.at([]), what: "the file is not a map with proxy" }]);
  const file = faults.check(fileSchema, yaml.content, []);
  const raw = file?.proxy ?? yaml.content.proxy;
  const proxy = isMap(raw) ? raw : undefined;
  if (proxy === undefined) faults.add(["proxy"], "is not a map with listen and services");
  else {
    const head = faults.check(proxySchema, proxy, ["proxy"]);
    // All parts are looked at even when another one is wrong, so that all faults are told at once.
    const listen = readListenPart(proxy.listen, faults);
    const services = readServices(head?.services ?? listOf(proxy.services), faults);
    if (faults.sorted.length === 0 && listen !== undefined) {
      const config = { listen, services };
      for (const { path, what } of check(config)) faults.add(path, what);
      if (faults.sorted.length === 0) return config;
    }
  }
  throw configInvalid(path, faults.sorted);
}

/** The error for a configuration file: the place is the first fault's, the others follow with their own. */
export function configInvalid(path: string, faults: readonly Fault[]): EvenkeelError {
  const [first, ...others] = faults;
  const told = others.slice(0, TOLD_FAULTS - 1).map(({ line, column, what }) => `; ${line}:${column} ${what}`);
  const rest = others.length - told.length;
  return new EvenkeelError(
    "EK_PROXY_CONFIG_INVALID",
    `${first?.what ?? "unusable"}${told.join("")}${rest > 0 ? `; and ${rest} more` : ""}`,
    { where: `${path}:${first?.line ?? 1}:${first?.column ?? 1}` },
  );
}

function readListenPart(raw: unknown, faults: Faults): ProxyListen | undefined {
  const path = ["proxy", "listen"];
  if (!isMap(raw)) {
    faults.add(path, "is not a map with address and port");
    return undefined;
  }
  const read = faults.check(listenSchema, raw, path);
  return read && readPlace(readListen, read, path, faults);
}

function readServices(raw: readonly unknown[], faults: Faults): readonly ProxyService[] {
  const names = new Set<string>();
  const domains = new Map<string, string>();
  const services: ProxyService[] = [];
  for (const [index, value] of raw.entries()) {
    const path = ["proxy", "services", index];
    const service = readService(value, path, faults);
    if (service === undefined) continue;
    if (names.has(service.name)) faults.add([...path, "name"], `${service.name} is taken by an earlier service`);
    const owner = domains.get(service.domain);
    if (owner !== undefined) faults.add([...path, "domain"], `${service.domain} is the service ${owner}'s already`);
    names.add(service.name);
    domains.set(service.domain, owner ?? service.name);
    services.push(service);
  }
  return services;
}

function readService(value: unknown, path: Path, faults: Faults): ProxyService | undefined {
  const head = faults.check(serviceSchema, value, path);
  const hosts = readHosts(head?.hosts ?? (isMap(value) ? listOf(value.hosts) : []), [...path, "hosts"], faults);
  if (head === undefined) return undefined;
  try {
    return { name: head.name, domain: readDomain(head.domain), hosts, rewriteHost: head.rewriteHost ?? false };
  } catch (error) {
    faults.add([...path, "domain"], `${JSON.stringify(head.domain)} ${(error as Error).message}`);
    return undefined;
  }
}

function readHosts(raw: readonly unknown[], path: Path, faults: Faults): readonly ProxyHost[] {
  const hosts = new Map<string, ProxyHost>();
  let http2: boolean | undefined;
  for (const [index, value] of raw.entries()) {
    const own = [...path, index];
    const read = faults.check(hostSchema, value, own);
    const host = read && readPlace(readHost, read, own, faults);
    if (host === undefined) continue;
    const key = hostAndPort(host);
    if (hosts.has(key)) faults.add(own, `repeats ${key} of the same service`);
    http2 ??= isHttp2(host.scheme);
    if (http2 !== isHttp2(host.scheme)) faults.add(own, "mixes HTTP/1.1 and HTTP/2 in one service");
    hosts.set(key, host);
  }
  return [...hosts.values()];
}

function readPlace<T>(
  reader: (address: string, port: string) => T,
  read: { readonly address?: string | null | undefined; readonly port?: string | number | null | undefined },
  path: Path,
  faults: Faults,
): T | undefined {
  try {
    return reader(read.address ?? "", String(read.port ?? ""));
  } catch (error) {
    if (!(error instanceof PlaceError)) throw error;
    const written = error.of === "port" && (read.port ?? "") !== "" ? read.port : read.address;
    faults.add([...path, error.of], `${JSON.stringify(written)} ${error.message}`);
    return undefined;
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
