import type { Address } from "../../proto/generated/envoy/config/core/v3/address.ts";
import type {
  ClusterStats,
  UpstreamEndpointStats,
} from "../../proto/generated/envoy/config/endpoint/v3/load_report.ts";
import { endpointKey } from "../fleet/fleet.ts";
import type { EndpointLoadReport } from "../signals/load-report.ts";

/**
 * The second address of an endpoint that is offered as two hosts (DESIGN.md): the IPv4-mapped form of the first.
 * Their loads are one pod's.
 */
const IPV4_MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * One report for each endpoint out of what an Envoy tells of its clusters. Localities, priorities and the two hosts of one
 * endpoint are summed up. A cluster without a usable interval is left out: there is no rate without one.
 */
export function endpointLoadReports(client: string, clusters: readonly ClusterStats[]): EndpointLoadReport[] {
  const reports = new Map<string, EndpointLoadReport>();
  for (const cluster of clusters) {
    const intervalMs = durationMs(cluster.loadReportInterval);
    if (!(intervalMs > 0)) continue;
    for (const { upstreamEndpointStats } of cluster.upstreamLocalityStats)
      for (const stats of upstreamEndpointStats) {
        const key = keyOf(stats.address);
        if (key === undefined) continue;
        const id = `${cluster.clusterName}\0${key}`;
        reports.set(
          id,
          plus(reports.get(id), { client, cluster: cluster.clusterName, endpointKey: key, intervalMs }, stats),
        );
      }
  }
  return [...reports.values()];
}

function plus(
  sum: EndpointLoadReport | undefined,
  about: Pick<EndpointLoadReport, "client" | "cluster" | "endpointKey" | "intervalMs">,
  stats: UpstreamEndpointStats,
): EndpointLoadReport {
  return {
    ...about,
    inFlight: (sum?.inFlight ?? 0) + Number(stats.totalRequestsInProgress),
    requests: (sum?.requests ?? 0) + Number(stats.totalIssuedRequests),
    errors: (sum?.errors ?? 0) + Number(stats.totalErrorRequests),
  };
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
