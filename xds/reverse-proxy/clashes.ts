import { clusterName } from "../../sidecar/reverse-proxy/cluster.ts";
import type { ProxyConfig, ProxyListen } from "../../sidecar/reverse-proxy/config.ts";
import { PROXY_NAME } from "../../sidecar/reverse-proxy/resources.ts";
import { sharePort } from "../fleet/file/addresses.ts";
import { endpointKey, type Fleet } from "../fleet/fleet.ts";

/** Something that a fleet and a reverse proxy cannot both have in one Envoy. */
export interface Clash {
  /** Where it is in the reverse proxy's configuration file. */
  readonly path: readonly (string | number)[];
  /** What the reverse proxy has, for who edits the fleet. */
  readonly ours: string;
  /** What the fleet has, for who edits the reverse proxy. */
  readonly theirs: string;
}

/** What a fleet and a reverse proxy claim both: the name of a cluster or a listener, or a place to listen. Pure. */
export function clashes(fleet: Fleet, proxy: ProxyConfig): readonly Clash[] {
  const found: Clash[] = [];
  for (const [index, service] of proxy.services.entries()) {
    const name = clusterName(service);
    if (!fleet.clusters.has(name)) continue;
    const path = ["proxy", "services", index, "name"];
    found.push({ path, ours: `its service ${service.name} is the cluster ${name}`, theirs: `a cluster ${name}` });
  }
  const listen = ["proxy", "listen"];
  if (fleet.listeners.has(PROXY_NAME))
    found.push({ path: listen, ours: `its listener is ${PROXY_NAME}`, theirs: `a listener ${PROXY_NAME}` });
  const ours = `it listens on ${placeOf(proxy.listen)}`;
  for (const door of fleet.listeners.values())
    if (sharePort(door, proxy.listen))
      found.push({ path: listen, ours, theirs: `the listener ${door.name} on ${placeOf(door)}` });
  return found;
}

const placeOf = ({ address, port }: ProxyListen): string => endpointKey(address, port);
