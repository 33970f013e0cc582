import { stringify } from "yaml";
import { NODE_ADDRESS } from "../place.ts";

/** A port of a Service whose one endpoint is a process on the node. */
export interface ProcessPort {
  readonly name: string;
  readonly port: number;
  /** What the process listens on. */
  readonly targetPort: number;
  readonly protocol?: "TCP" | "UDP";
}

export interface ProcessService {
  readonly namespace: string;
  readonly name: string;
  readonly ports: readonly ProcessPort[];
  readonly clusterIP?: string;
}

/**
 * A Service without a selector, and its endpoint: so pods and the API server find by a Service's name what runs on the
 * node as a plain process.
 */
export function processService(service: ProcessService): object[] {
  const { namespace, name, ports, clusterIP } = service;
  return [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace },
      spec: {
        ...(clusterIP === undefined ? {} : { clusterIP }),
        ports: ports.map((port) => ({ protocol: "TCP", ...port })),
      },
    },
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: `${name}-rig`, namespace, labels: { "kubernetes.io/service-name": name } },
      addressType: "IPv4",
      ports: ports.map((port) => ({ name: port.name, port: port.targetPort, protocol: port.protocol ?? "TCP" })),
      endpoints: [{ addresses: [NODE_ADDRESS], conditions: { ready: true } }],
    },
  ];
}

export const namespace = (name: string): object => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } });

/** Objects as one YAML stream for kubectl. */
export function manifest(objects: readonly object[]): string {
  return objects.map((object) => stringify(object)).join("---\n");
}
