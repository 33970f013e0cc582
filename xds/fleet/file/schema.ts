import { z } from "zod";
import { is, type Parser } from "../../../common/settings.ts";
import { addressAndPort, endpointAddress, listenAddress } from "./addresses.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** Runs a parser whose error continues "VALUE …" on a text or a number of the file. */
function parsed<T>(parse: Parser<T>) {
  return z.union([z.string(), z.number()], { error: "is not a text or a number" }).transform((value, context) => {
    try {
      return parse(String(value));
    } catch (error) {
      context.addIssue({ code: "custom", message: `${JSON.stringify(value)} ${(error as Error).message}` });
      return z.NEVER;
    }
  });
}

const name = z
  .string()
  .min(1, "must not be empty")
  .max(253, "is longer than 253 characters")
  .regex(/^[A-Za-z0-9_.:|/@-]*$/, "may hold letters, digits and _ . : | / @ - only");
const notPort = { error: "is not a port from 1 to 65535" };
const port = z.int().min(1, notPort).max(65535, notPort);
const place = z.string().max(253, "is longer than 253 characters").default("");

/** `ADDRESS:PORT`, or a port at the endpoint's own address. */
function agentPlace(text: string): { address: string | undefined; port: number } {
  return /^\d+$/.test(text) ? { address: undefined, port: is.port()(text) } : addressAndPort(text);
}

/** One endpoint as written in the file. */
export const endpointSchema = z.strictObject({
  address: parsed(endpointAddress),
  port,
  agent: parsed(agentPlace).optional(),
  region: place,
  zone: place,
  subZone: place,
  state: z.enum(["ready", "draining"]).default("ready"),
  tls: z.literal("istio").optional(),
});

const clusterHead = {
  name,
  protocol: z.enum(["http1", "http2"]).default("http1"),
  connectTimeout: parsed(is.duration(1, MINUTE)).default(1000),
  healthCheck: z
    .string()
    .regex(/^\/[^\s?#]*$/, "is not a path that begins with / (without ?, # and spaces)")
    .optional(),
};

/** A cluster without its endpoints, which are checked one by one. */
export const clusterSchema = z.strictObject({ ...clusterHead, endpoints: z.array(z.unknown()) });

const dnsLabel = z
  .string()
  .regex(/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/, "is not a name of Kubernetes (small letters, digits and -)");

/** A cluster whose endpoints are those of a Service in Kubernetes. */
export const kubernetesClusterSchema = z.strictObject({
  ...clusterHead,
  kubernetes: z.strictObject({ namespace: dnsLabel, service: dnsLabel, port }),
});

export const routeSchema = z.strictObject({
  prefix: z.string().regex(/^\/[^\s?#]*$/, "is not a path that begins with / (without ?, # and spaces)"),
  cluster: name,
  /** In ms. `none` stays a word, for zod takes an undefined result for a missing one. */
  timeout: parsed((text) => is.durationOrNone(1, DAY)(text) ?? ("none" as const)).default(200_000),
});

/** A listener without its routes, which are checked one by one. */
export const listenerSchema = z.strictObject({
  name,
  address: parsed(listenAddress).default("0.0.0.0"),
  port,
  maxRequestBytes: parsed(is.bytes(1, 2 ** 40)).default(64 * 2 ** 20),
  routes: z.array(z.unknown()).min(1, "has no route"),
});

export const fleetSchema = z.strictObject({
  clusters: z.array(z.unknown()).min(1, "has no cluster"),
  listeners: z.array(z.unknown()).default([]),
});
