import type { z } from "zod";
import { EvenkeelError } from "../../../common/errors.ts";
import { type Cluster, type Endpoint, endpointKey, type Fleet, type FrontDoor, type Route } from "../fleet.ts";
import type { ServiceReference } from "../kubernetes/service-reference.ts";
import { sharePort } from "./addresses.ts";
import { Faults } from "./check.ts";
import { type Fault, type Path, parseLocated } from "./located-yaml.ts";
import {
  clusterSchema,
  endpointSchema,
  fleetSchema,
  kubernetesClusterSchema,
  listenerSchema,
  routeSchema,
} from "./schema.ts";

/** More than these make a message that nobody reads. */
const TOLD_FAULTS = 20;

/** What a fleet file says. */
export interface FleetFile {
  readonly fleet: Fleet;
  /** The clusters of the fleet that have no endpoints here, for they are those of a Service in Kubernetes; by name. */
  readonly services: ReadonlyMap<string, ServiceReference>;
}

/**
 * Reads the text of a fleet file that names all its endpoints itself.
 * @param path the file's name, for messages
 * @throws EvenkeelError EK_FLEET_INVALID with every fault, each with its line and column
 */
export function parseFleet(text: string, path: string): Fleet {
  return wholeFleet(parseFleetFile(text, path), path);
}

/**
 * The fleet of a file that names all its endpoints itself.
 * @throws EvenkeelError EK_FLEET_INVALID when it does not
 */
export function wholeFleet({ fleet, services }: FleetFile, path: string): Fleet {
  const [name] = services.keys();
  if (name === undefined) return fleet;
  throw new EvenkeelError("EK_FLEET_INVALID", `cluster ${name} is of Kubernetes, which is not read`, {
    where: path,
    next: "give the cluster endpoints, or start the control plane with --kubernetes",
  });
}

/**
 * Reads a fleet file's text (its form: docs/fleet-file.md).
 * @param path the file's name, for messages
 * @throws EvenkeelError EK_FLEET_INVALID with every fault, each with its line and column
 */
export function parseFleetFile(text: string, path: string): FleetFile {
  if (text.trim() === "") throw fleetInvalid(path, [{ line: 1, column: 1, what: "the file is empty" }]);
  const yaml = parseLocated(text);
  if ("faults" in yaml) throw fleetInvalid(path, yaml.faults);
  const faults = new Faults(yaml);
  if (typeof yaml.content !== "object" || yaml.content === null || Array.isArray(yaml.content))
    throw fleetInvalid(path, [{ ...yaml.at([]), what: "a fleet file is a map with the keys clusters and listeners" }]);
  const top = faults.check(fleetSchema, yaml.content, []);
  // Both lists are looked at even when another key of the file is wrong, so that all faults are told at once.
  const rawClusters = top?.clusters ?? listOf(yaml.content, "clusters");
  const rawListeners = top?.listeners ?? listOf(yaml.content, "listeners");
  const { clusters, services } = readClusters(rawClusters, faults);
  const listeners = readListeners(rawListeners, namesOf(rawClusters), faults);
  if (faults.sorted.length > 0) throw fleetInvalid(path, faults.sorted);
  return { fleet: { clusters, listeners }, services };
}

/** The error for a fleet file: the place is the first fault's, the others follow with their own. */
export function fleetInvalid(path: string, faults: readonly Fault[]): EvenkeelError {
  const [first, ...others] = faults;
  const told = others.slice(0, TOLD_FAULTS - 1).map(({ line, column, what }) => `; ${line}:${column} ${what}`);
  const rest = others.length - told.length;
  const more = rest > 0 ? `; and ${rest} more` : "";
  return new EvenkeelError("EK_FLEET_INVALID", `${first?.what ?? "unusable"}${told.join("")}${more}`, {
    where: `${path}:${first?.line ?? 1}:${first?.column ?? 1}`,
  });
}

function readClusters(
  raw: readonly unknown[],
  faults: Faults,
): { clusters: ReadonlyMap<string, Cluster>; services: ReadonlyMap<string, ServiceReference> } {
  const clusters = new Map<string, Cluster>();
  const services = new Map<string, ServiceReference>();
  for (const [index, value] of raw.entries()) {
    const path = ["clusters", index];
    const head =
      property(value, "kubernetes") === undefined
        ? faults.check(clusterSchema, value, path)
        : faults.check(kubernetesClusterSchema, value, path);
    const rawEndpoints = head !== undefined && "endpoints" in head ? head.endpoints : listOf(value, "endpoints");
    const endpoints = readEndpoints(rawEndpoints, [...path, "endpoints"], faults);
    if (head === undefined) continue;
    if (clusters.has(head.name)) faults.add([...path, "name"], `${head.name} is taken by an earlier cluster`);
    clusters.set(head.name, {
      name: head.name,
      endpoints,
      protocol: head.protocol,
      connectTimeoutMs: head.connectTimeout,
      ...(head.healthCheck === undefined ? {} : { healthCheckPath: head.healthCheck }),
    });
    if ("kubernetes" in head) services.set(head.name, { ...head.kubernetes, subset: "" });
  }
  return { clusters, services };
}

function readEndpoints(raw: readonly unknown[], path: Path, faults: Faults): readonly Endpoint[] {
  const endpoints = new Map<string, Endpoint>();
  for (const [index, value] of raw.entries()) {
    const read = faults.check(endpointSchema, value, [...path, index]);
    if (read === undefined) continue;
    const endpoint = toEndpoint(read);
    if (endpoints.has(endpoint.key)) faults.add([...path, index], `repeats ${endpoint.key} of the same cluster`);
    endpoints.set(endpoint.key, endpoint);
  }
  return [...endpoints.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

function toEndpoint(read: z.output<typeof endpointSchema>): Endpoint {
  return {
    key: endpointKey(read.address, read.port),
    address: read.address,
    port: read.port,
    locality: { region: read.region, zone: read.zone, subZone: read.subZone },
    state: read.state,
    ...(read.agent === undefined
      ? {}
      : { agent: { address: read.agent.address ?? read.address, port: read.agent.port } }),
    ...(read.tls === undefined ? {} : { tls: read.tls }),
  };
}

function readListeners(
  raw: readonly unknown[],
  clusters: ReadonlySet<string>,
  faults: Faults,
): ReadonlyMap<string, FrontDoor> {
  const listeners = new Map<string, FrontDoor>();
  for (const [index, value] of raw.entries()) {
    const path = ["listeners", index];
    const head = faults.check(listenerSchema, value, path);
    const routes = readRoutes(head?.routes ?? listOf(value, "routes"), [...path, "routes"], clusters, faults);
    if (head === undefined) continue;
    if (listeners.has(head.name)) faults.add([...path, "name"], `${head.name} is taken by an earlier listener`);
    const rival = [...listeners.values()].find((other) => sharePort(other, head));
    if (rival !== undefined)
      faults.add([...path, "port"], `${head.port} is taken by ${rival.name} on ${rival.address}`);
    listeners.set(head.name, {
      name: head.name,
      address: head.address,
      port: head.port,
      routes,
      maxRequestBytes: head.maxRequestBytes,
    });
  }
  return listeners;
}

function readRoutes(
  raw: readonly unknown[],
  path: Path,
  clusters: ReadonlySet<string>,
  faults: Faults,
): readonly Route[] {
  const routes: Route[] = [];
  for (const [index, value] of raw.entries()) {
    const read = faults.check(routeSchema, value, [...path, index]);
    if (read === undefined) continue;
    if (!clusters.has(read.cluster))
      faults.add([...path, index, "cluster"], `${read.cluster} is no cluster of this file`);
    const earlier = routes.find((route) => read.prefix.startsWith(route.prefix));
    if (earlier !== undefined)
      faults.add(
        [...path, index, "prefix"],
        `${read.prefix} can never match: ${earlier.prefix} above it matches first`,
      );
    routes.push({
      prefix: read.prefix,
      cluster: read.cluster,
      timeoutMs: read.timeout === "none" ? undefined : read.timeout,
    });
  }
  return routes;
}

/** The names of all clusters, faulty ones too: a route to one of these is not a second fault. */
function namesOf(raw: readonly unknown[]): ReadonlySet<string> {
  return new Set(raw.map((value) => String(property(value, "name"))));
}

function listOf(value: unknown, key: string): readonly unknown[] {
  const list = property(value, key);
  return Array.isArray(list) ? list : [];
}

function property(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}
