import type { Address } from "../../proto/generated/envoy/config/core/v3/address.ts";
import type {
  ClusterStats,
  UpstreamEndpointStats,
} from "../../proto/generated/envoy/config/endpoint/v3/load_report.ts";
import { endpointKey } from "../fleet/fleet.ts";
import type { ClusterLoadReport, EndpointLoad } from "../signals/load-report.ts";

/**
 * The second address of an endpoint that is offered as two hosts (DESIGN.md): the IPv4-mapped form of the first.
 * Their loads are one pod's.
 */
const IPV4_MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * An interval counts as no shorter and no longer than these, in ms. No Envoy is asked to report so often or so seldom, and the
 * reports of a second are kept: they must be few, and their sum must not swallow the next one.
 */
const LEAST_INTERVAL_MS = 10;
const MOST_INTERVAL_MS = 3_600_000;
/** What one report tells of one endpoint counts as no more than this, so that sums over all Envoys stay exact. */
const MOST_REQUESTS = 2 ** 24;

/**
 * One report for each cluster that an Envoy tells of, also when it had no traffic. Localities, priorities and the two hosts
 * of one endpoint are summed up. A cluster without a usable interval is left out: there is no rate without one.
 */
export function clusterLoadReports(client: string, clusters: readonly ClusterStats[]): ClusterLoadReport[] {
  const intervals = new Map<string, number>();
  const endpoints = new Map<string, Map<string, EndpointLoad>>();
  for (const stats of clusters) {
    const intervalMs = durationMs(stats.loadReportInterval);
    if (!(intervalMs > 0)) continue;
    // The fleet's name of a cluster is the one by which its endpoints are asked for.
    const cluster = stats.clusterServiceName || stats.clusterName;
    const loads = endpoints.get(cluster) ?? new Map<string, EndpointLoad>();
    intervals.set(cluster, Math.min(MOST_INTERVAL_MS, Math.max(LEAST_INTERVAL_MS, intervalMs)));
    endpoints.set(cluster, loads);
    for (const { upstreamEndpointStats } of stats.upstreamLocalityStats)
      for (const one of upstreamEndpointStats) {
        const endpointKey = keyOf(one.address);
        if (endpointKey !== undefined) loads.set(endpointKey, plus(loads.get(endpointKey), endpointKey, one));
      }
  }
  return [...intervals].map(([cluster, intervalMs]) => ({
    client,
    cluster,
    intervalMs,
    endpoints: [...(endpoints.get(cluster)?.values() ?? [])],
  }));
}

function plus(sum: EndpointLoad | undefined, endpointKey: string, stats: UpstreamEndpointStats): EndpointLoad {
  return {
    endpointKey,
    inFlight: added(sum?.inFlight, stats.totalRequestsInProgress),
    requests: added(sum?.requests, stats.totalIssuedRequests),
    errors: added(sum?.errors, stats.totalErrorRequests),
  };
}

function added(sum: number | undefined, more: bigint): number {
  return Math.min(MOST_REQUESTS, (sum ?? 0) + Number(more));
}

function keyOf(address: Address | undefined): string | undefined {
  const kind = address?.address;
  if (kind?.$case !== "socketAddress" || kind.socketAddress.portSpecifier?.$case !== "portValue") return undefined;
  const ip = IPV4_MAPPED.exec(kind.socketAddress.address)?.[1] ?? kind.socketAddress.address;
  return endpointKey(ip, kind.socketAddress.portSpecifier.portValue);
}

function durationMs(duration: { readonly seconds: bigint; readonly nanos: number } | undefined): number {
  return duration === undefined ? 0 : Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}
