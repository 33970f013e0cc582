import type { Watched } from "../../../common/kubernetes/watch.ts";
import type { Endpoint, Fleet, FleetSource } from "../../fleet/fleet.ts";
import { AGENT_PORT_ANNOTATION } from "../../fleet/kubernetes/objects.ts";
import { OrcaSignals } from "../../signals/orca.ts";
import type { ClusterNode } from "../cluster.ts";
import { ELIGIBLE_LABEL } from "../names.ts";
import type { NodeCpu } from "../node-cpu.ts";

/** Agents tell ten times a second; over 30 s, each second is enough. In ms. */
const REPORT_MS = 1000;
const NO_LOCALITY = { region: "", zone: "", subZone: "" };

/**
 * Listens to the CPU agents of the eligible nodes (`evenkeel agent --scope machine`): at the node's address, on the port
 * of its annotation `evenkeel.io/agent-port`, or else on `port`; undefined: only nodes with the annotation have one.
 */
export function followAgents(nodes: Watched<ClusterNode>, port: number | undefined, cpu: NodeCpu): OrcaSignals {
  return new OrcaSignals({
    fleet: nodeFleet(nodes, port),
    reportIntervalMs: REPORT_MS,
    sink: {
      recordCpu: (node, { source, utilisation, atMs }) =>
        cpu.record(node, { source, utilisation, atMs, overMs: REPORT_MS }),
      recordLoad: () => undefined,
    },
  });
}

/** The nodes as a fleet whose endpoints have the nodes' names as keys. */
function nodeFleet(nodes: Watched<ClusterNode>, port: number | undefined): FleetSource {
  return {
    current: () => fleetOf(nodes.objects.values(), port),
    fault: () => undefined,
    subscribe: (listener) => nodes.subscribe({ onChange: listener, onState: listener }),
    close: async () => undefined,
  };
}

export function fleetOf(nodes: Iterable<ClusterNode>, port: number | undefined): Fleet {
  const endpoints = [...nodes].flatMap((node) => endpointOf(node, port));
  const cluster = { name: "nodes", endpoints, protocol: "http2", connectTimeoutMs: 1000 } as const;
  return { clusters: new Map([[cluster.name, cluster]]), listeners: new Map() };
}

function endpointOf({ metadata, status }: ClusterNode, defaultPort: number | undefined): readonly Endpoint[] {
  const annotated = Number(metadata.annotations?.[AGENT_PORT_ANNOTATION]);
  const port = annotated >= 1 && annotated <= 65_535 ? annotated : defaultPort;
  const address = status?.addresses?.find(({ type }) => type === "InternalIP")?.address;
  if (metadata.labels?.[ELIGIBLE_LABEL] !== "true" || port === undefined || address === undefined) return [];
  return [{ key: metadata.name, address, port, agent: { address, port }, locality: NO_LOCALITY, state: "ready" }];
}
