import type { FleetView } from "../../xds/console/fleet-view.ts";
import { CLUSTER, type Stack } from "./stack.ts";

/** One worker at one moment. */
export interface WorkerView {
  readonly name: string;
  readonly key: string;
  /** 0 to 1; undefined: no signal. */
  readonly cpu: number | undefined;
  readonly cpuAgeMs: number | undefined;
  readonly weight: number | undefined;
  /** Weight by the sum of weights. */
  readonly weightShare: number | undefined;
  /** Requests that Envoy has running there. */
  readonly inFlight: number;
  /** Requests that Envoy has sent there since it started. */
  readonly requests: number;
}

/**
 * Looks at the control plane (CPU, weights) and at Envoy (requests) at once. What a control plane knows that does not answer is
 * left out.
 * @throws Error when Envoy does not answer
 */
export async function observe(stack: Stack): Promise<WorkerView[]> {
  const [fleet, hosts] = await Promise.all([fleetView(stack), envoyHosts(stack)]);
  const endpoints = new Map(
    fleet?.clusters.find(({ name }) => name === CLUSTER)?.endpoints.map((endpoint) => [endpoint.key, endpoint]),
  );
  let sum = 0;
  for (const { weight } of endpoints.values()) sum += weight ?? 0;
  return stack.workers.map(({ name, key }) => {
    const endpoint = endpoints.get(key);
    const host = hosts.get(key);
    return {
      name,
      key,
      cpu: endpoint?.cpu?.utilisation,
      cpuAgeMs: endpoint?.cpu?.ageMs,
      weight: endpoint?.weight,
      weightShare: endpoint?.weight === undefined || sum === 0 ? undefined : endpoint.weight / sum,
      inFlight: host?.inFlight ?? 0,
      requests: host?.requests ?? 0,
    };
  });
}

async function fleetView(stack: Stack): Promise<FleetView | undefined> {
  try {
    const response = await fetch(`${stack.consoleUrl}/fleet`, { signal: AbortSignal.timeout(2000) });
    return (await response.json()) as FleetView;
  } catch {
    return undefined;
  }
}

interface AdminClusters {
  readonly cluster_statuses?: readonly {
    readonly name: string;
    readonly host_statuses?: readonly {
      readonly address: { readonly socket_address: { readonly address: string; readonly port_value: number } };
      readonly stats?: readonly { readonly name: string; readonly value?: string }[];
      readonly weight?: number;
    }[];
  }[];
}

/** Envoy's own view of the workers: requests, in-flight and weight by endpoint key. */
export async function envoyHosts(
  stack: Pick<Stack, "envoy">,
): Promise<Map<string, { requests: number; inFlight: number; weight: number }>> {
  const clusters = JSON.parse(await stack.envoy.admin("/clusters?format=json")) as AdminClusters;
  const hosts = new Map<string, { requests: number; inFlight: number; weight: number }>();
  for (const host of clusters.cluster_statuses?.find(({ name }) => name === CLUSTER)?.host_statuses ?? []) {
    const { address, port_value } = host.address.socket_address;
    const stat = (name: string) => Number(host.stats?.find((candidate) => candidate.name === name)?.value ?? 0);
    hosts.set(`${address}:${port_value}`, {
      requests: stat("rq_total"),
      inFlight: stat("rq_active"),
      weight: host.weight ?? 1,
    });
  }
  return hosts;
}
