import { ClientResourceStatus, UpdateFailureState } from "../../proto/generated/envoy/admin/v3/config_dump_shared.ts";
import type { Node } from "../../proto/generated/envoy/config/core/v3/base.ts";
import {
  ClientConfig,
  type ClientConfig_GenericXdsConfig,
  type ClientStatusRequest,
  ConfigStatus,
} from "../../proto/generated/envoy/service/status/v3/csds.ts";
import type { NodeMatcher } from "../../proto/generated/envoy/type/matcher/v3/node.ts";
import type { StringMatcher } from "../../proto/generated/envoy/type/matcher/v3/string.ts";
import { Any } from "../../proto/generated/google/protobuf/any.ts";
import { type ResourceState, resourceStatuses, type TypeState } from "./client-status.ts";
import type { Nack, Subscription } from "./subscription.ts";
import type { TypeView } from "./type-view.ts";

/** One stream: who is at its other end and what it has. */
export interface CsdsStream {
  readonly node: Node;
  readonly subscriptions: readonly Subscription[];
}

/** A request that cannot be answered; the message is for the caller. */
export class CsdsRefusal extends Error {}

export const CONFIG_STATUS: Readonly<Record<TypeState, ConfigStatus>> = {
  error: ConfigStatus.ERROR,
  stale: ConfigStatus.STALE,
  "not-sent": ConfigStatus.NOT_SENT,
  synced: ConfigStatus.SYNCED,
};

const RESOURCE_STATUS: Readonly<Record<ResourceState, { config: ConfigStatus; client: ClientResourceStatus }>> = {
  requested: { config: ConfigStatus.STALE, client: ClientResourceStatus.REQUESTED },
  "does-not-exist": { config: ConfigStatus.NOT_SENT, client: ClientResourceStatus.DOES_NOT_EXIST },
  acked: { config: ConfigStatus.SYNCED, client: ClientResourceStatus.ACKED },
  nacked: { config: ConfigStatus.ERROR, client: ClientResourceStatus.NACKED },
};

/**
 * What each client was sent and said to it (CSDS), one ClientConfig for each node whatever the number of its streams.
 * @throws CsdsRefusal when the request holds matchers that are not served
 */
export function clientConfigs(
  streams: Iterable<CsdsStream>,
  request: Pick<ClientStatusRequest, "nodeMatchers" | "excludeResourceContents">,
  viewOf: (typeUrl: string) => TypeView,
): ClientConfig[] {
  const configs = new Map<string, ClientConfig>();
  for (const { node, subscriptions } of streams) {
    if (!matchesNode(request.nodeMatchers, node.id)) continue;
    const config = configs.get(node.id) ?? ClientConfig.create({ node });
    configs.set(node.id, config);
    for (const subscription of subscriptions)
      config.genericXdsConfigs.push(
        ...xdsConfigs(subscription, viewOf(subscription.typeUrl), !request.excludeResourceContents),
      );
  }
  return [...configs.values()];
}

function xdsConfigs(
  subscription: Subscription,
  view: TypeView,
  withContents: boolean,
): ClientConfig_GenericXdsConfig[] {
  return resourceStatuses(subscription).map(({ name, version, state }) => {
    const resource = view.get(name);
    const { config, client } = RESOURCE_STATUS[state];
    return {
      typeUrl: subscription.typeUrl,
      name,
      versionInfo: version,
      // Only the newest version is kept here: an older one that the client may have cannot be shown.
      xdsConfig: withContents && resource?.version === version ? Any.decode(resource.any) : undefined,
      lastUpdated: version === "" || subscription.sent === undefined ? undefined : new Date(subscription.sent.atMs),
      configStatus: version === "" && state === "requested" ? ConfigStatus.NOT_SENT : config,
      clientStatus: client,
      errorState: state === "nacked" && subscription.nack !== undefined ? failure(subscription.nack) : undefined,
      isStaticResource: false,
    };
  });
}

export function failure(nack: Nack): UpdateFailureState {
  return UpdateFailureState.create({
    details: nack.message,
    versionInfo: nack.version,
    lastUpdateAttempt: new Date(nack.atMs),
  });
}

/** Whether any of the matchers fits; no matcher fits all. */
function matchesNode(matchers: readonly NodeMatcher[], id: string): boolean {
  for (const { nodeMetadatas } of matchers)
    if (nodeMetadatas.length > 0) throw new CsdsRefusal("node_matchers by metadata are not served; match by node_id");
  return matchers.length === 0 || matchers.some(({ nodeId }) => nodeId === undefined || matchesText(nodeId, id));
}

function matchesText({ matchPattern, ignoreCase }: StringMatcher, text: string): boolean {
  const fold = (value: string) => (ignoreCase ? value.toLowerCase() : value);
  const id = fold(text);
  switch (matchPattern?.$case) {
    case "exact":
      return id === fold(matchPattern.exact);
    case "prefix":
      return id.startsWith(fold(matchPattern.prefix));
    case "suffix":
      return id.endsWith(fold(matchPattern.suffix));
    case "contains":
      return id.includes(fold(matchPattern.contains));
    default:
      throw new CsdsRefusal("node_id is matched by exact, prefix, suffix or contains only");
  }
}
