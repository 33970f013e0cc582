import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cluster as ClusterMessage } from "../../../proto/generated/envoy/config/cluster/v3/cluster.ts";
import { ApiVersion, ConfigSource } from "../../../proto/generated/envoy/config/core/v3/config_source.ts";
import { ClusterLoadAssignment } from "../../../proto/generated/envoy/config/endpoint/v3/endpoint.ts";
import { Listener } from "../../../proto/generated/envoy/config/listener/v3/listener.ts";
import { RouteConfiguration } from "../../../proto/generated/envoy/config/route/v3/route.ts";
import { HttpConnectionManager } from "../../../proto/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";
import { DiscoveryResponse } from "../../../proto/generated/envoy/service/discovery/v3/discovery.ts";
import { findEnvoy } from "../../../sidecar/envoy/find.ts";
import { type RunningEnvoy, runEnvoy } from "../../../sidecar/envoy/run.ts";
import type { Fleet } from "../../../xds/fleet/fleet.ts";
import { anyOf } from "../../../xds/resources/any.ts";
import { TYPE_URLS, type TypeUrl } from "../../../xds/resources/resource.ts";
import { assignmentMessage, clusterMessage, listenerMessage, routeMessage } from "../../../xds/resources/translate.ts";

/** A real Envoy that reads our resources from files: everything but the control plane's streams. */
export interface FileEnvoy {
  readonly envoy: RunningEnvoy;
  /** Replaces the endpoints of every cluster of the fleet, as an EDS update would. */
  updateEndpoints(fleet: Fleet): Promise<void>;
  stop(): Promise<void>;
}

export interface FileEnvoyOptions {
  readonly accessLog?: boolean;
  /** Takes every line that Envoy prints. */
  readonly logs?: string[];
}

/** Starts Envoy with a fleet's clusters, endpoints, listeners and routes, and waits until it serves them. */
export async function startFileEnvoy(fleet: Fleet, options: FileEnvoyOptions = {}): Promise<FileEnvoy> {
  const folder = await mkdtemp(join(tmpdir(), "evenkeel-file-xds-"));
  const file = (name: string) => join(folder, `${name}.pb`);
  const write = async (name: string, typeUrl: TypeUrl, values: readonly Uint8Array[]) => {
    const response = DiscoveryResponse.fromPartial({
      versionInfo: "1",
      typeUrl,
      resources: values.map((value) => anyOf(typeUrl, value)),
    });
    await writeFile(`${file(name)}.new.pb`, DiscoveryResponse.encode(response).finish());
    await rename(`${file(name)}.new.pb`, file(name));
  };
  const updateEndpoints = async (next: Fleet) => {
    for (const cluster of next.clusters.values()) {
      const weights = new Map(cluster.endpoints.map(({ key }) => [key, 1]));
      const bytes = ClusterLoadAssignment.encode(assignmentMessage(cluster, weights)).finish();
      await write(`eds-${cluster.name}`, TYPE_URLS.endpoints, [bytes]);
    }
  };
  await updateEndpoints(fleet);
  for (const door of fleet.listeners.values())
    await write(`rds-${door.name}`, TYPE_URLS.route, [RouteConfiguration.encode(routeMessage(door)).finish()]);
  await write(
    "cds",
    TYPE_URLS.cluster,
    [...fleet.clusters.values()].map((cluster) => {
      const message = clusterMessage(cluster);
      message.edsClusterConfig = { edsConfig: fromFile(file(`eds-${cluster.name}`)), serviceName: "" };
      return ClusterMessage.encode(message).finish();
    }),
  );
  await write(
    "lds",
    TYPE_URLS.listener,
    [...fleet.listeners.values()].map((door) =>
      Listener.encode(
        withRoutesFrom(listenerMessage(door, { accessLog: options.accessLog === true }), file(`rds-${door.name}`)),
      ).finish(),
    ),
  );
  const dynamic = (name: string) => ({ path_config_source: { path: file(name) }, resource_api_version: "V3" });
  const envoy = await runEnvoy({
    binary: await findEnvoy(),
    name: "envoy",
    concurrency: 1,
    config: {
      node: { id: "test", cluster: "test" },
      admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } },
      dynamic_resources: { cds_config: dynamic("cds"), lds_config: dynamic("lds") },
      stats_flush_on_admin: true,
    },
    onLine: (line) => void options.logs?.push(line),
  });
  const stop = async () => {
    await envoy.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await envoy.ready();
  } catch (error) {
    await stop();
    throw error;
  }
  return { envoy, updateEndpoints, stop };
}

function fromFile(path: string): ConfigSource {
  return ConfigSource.fromPartial({
    configSourceSpecifier: { $case: "pathConfigSource", pathConfigSource: { path } },
    resourceApiVersion: ApiVersion.V3,
  });
}

/** The listener with its routes read from a file instead of the stream; all else as it was. */
function withRoutesFrom(listener: Listener, path: string): Listener {
  for (const { filters } of listener.filterChains)
    for (const { configType } of filters) {
      if (configType?.$case !== "typedConfig") continue;
      const manager = HttpConnectionManager.decode(configType.typedConfig.value);
      if (manager.routeSpecifier?.$case !== "rds") continue;
      manager.routeSpecifier.rds.configSource = fromFile(path);
      configType.typedConfig.value = Buffer.from(HttpConnectionManager.encode(manager).finish());
    }
  return listener;
}
