/**
 * What `istioctl proxy-status --xds-address` asks for: one ADS request of a type of its own, answered by one ClientConfig
 * for each client with the state of each of its types.
 */
import { hostname } from "node:os";
import { Node } from "../../proto/generated/envoy/config/core/v3/base.ts";
import { DiscoveryResponse } from "../../proto/generated/envoy/service/discovery/v3/discovery.ts";
import {
  ClientConfig,
  type ClientConfig_GenericXdsConfig,
} from "../../proto/generated/envoy/service/status/v3/csds.ts";
import { TYPE_STATES, type TypeStatus, typeStatus } from "./client-status.ts";
import { CONFIG_STATUS, type CsdsStream, failure } from "./csds.ts";
import { nodeName } from "./node-name.ts";

export const SYNCZ_TYPE = "istio.io/debug/syncz";

const CLIENT_CONFIG_TYPE = "type.googleapis.com/envoy.service.status.v3.ClientConfig";

/** The response without its nonce. */
export function synczBody(streams: Iterable<CsdsStream>, version: string): Buffer {
  const resources = synczConfigs(streams).map((config) => ({
    typeUrl: CLIENT_CONFIG_TYPE,
    value: Buffer.from(ClientConfig.encode(config).finish()),
  }));
  const response = DiscoveryResponse.create({
    typeUrl: SYNCZ_TYPE,
    versionInfo: version,
    resources,
    controlPlane: { identifier: controlPlaneIdentifier(version) },
  });
  return Buffer.from(DiscoveryResponse.encode(response).finish());
}

/** istioctl shows the ID of this JSON as the control plane that a proxy is connected to. */
function controlPlaneIdentifier(version: string): string {
  return JSON.stringify({ Component: "evenkeel", ID: process.env.POD_NAME ?? hostname(), Info: { version } });
}

/** One for each node, with the worst state of each type over its streams. */
export function synczConfigs(streams: Iterable<CsdsStream>): ClientConfig[] {
  const nodes = new Map<string, { node: Node; types: Map<string, TypeStatus> }>();
  for (const { node, subscriptions } of streams) {
    const entry = nodes.get(node.id) ?? { node, types: new Map<string, TypeStatus>() };
    nodes.set(node.id, entry);
    for (const subscription of subscriptions) {
      const status = typeStatus(subscription);
      const other = entry.types.get(status.typeUrl);
      if (other === undefined || rank(status) < rank(other)) entry.types.set(status.typeUrl, status);
    }
  }
  return [...nodes.values()].map(({ node, types }) =>
    ClientConfig.create({ node: shownNode(node), genericXdsConfigs: [...types.values()].map(xdsConfig) }),
  );
}

function rank(status: TypeStatus): number {
  return TYPE_STATES.indexOf(status.state);
}

function xdsConfig(status: TypeStatus): ClientConfig_GenericXdsConfig {
  return {
    typeUrl: status.typeUrl,
    name: "",
    versionInfo: status.ackedVersion ?? "",
    xdsConfig: undefined,
    lastUpdated: status.sentAtMs === undefined ? undefined : new Date(status.sentAtMs),
    configStatus: CONFIG_STATUS[status.state],
    clientStatus: 0,
    errorState: status.nack === undefined ? undefined : failure(status.nack),
    isStaticResource: false,
  };
}

/** istioctl prints the id as it is, and takes the columns CLUSTER and VERSION from the metadata. */
function shownNode(node: Node): Node {
  const { CLUSTER_ID, NAMESPACE, ISTIO_VERSION } = node.metadata ?? {};
  const metadata: Record<string, string> = {};
  for (const [key, value] of Object.entries({
    CLUSTER_ID: CLUSTER_ID ?? node.cluster,
    NAMESPACE,
    ISTIO_VERSION: ISTIO_VERSION ?? userAgent(node),
  }))
    if (typeof value === "string" && value !== "") metadata[key] = value;
  return Node.create({ id: nodeName(node.id), metadata });
}

function userAgent({ userAgentName, userAgentVersionType }: Node): string {
  if (userAgentVersionType?.$case === "userAgentVersion")
    return `${userAgentName} ${userAgentVersionType.userAgentVersion}`.trim();
  const version = userAgentVersionType?.userAgentBuildVersion.version;
  return version === undefined
    ? userAgentName
    : `${userAgentName} ${version.majorNumber}.${version.minorNumber}.${version.patch}`.trim();
}
