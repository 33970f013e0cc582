import { Listeners } from "../../../common/listeners.ts";
import type { Logger } from "../../../common/log.ts";
import { fileFleet } from "../file/file-fleet.ts";
import type { Cluster, Fleet, FleetSource } from "../fleet.ts";
import { keepIdentity } from "../keep-identity.ts";
import { kubernetesFleet } from "./kubernetes-fleet.ts";
import type { ServiceReference } from "./service-reference.ts";
import type { KubernetesWatches } from "./watches.ts";

/**
 * A fleet file whose clusters may take their endpoints from Services (`kubernetes: {namespace, service, port}`): a gateway
 * of our own, without Istio. Everything else of a cluster, and the listeners, are the file's.
 */
export function staticKubernetesFleet(
  path: string,
  options: { readonly watches: KubernetesWatches; readonly log: Logger; readonly pollMs?: number },
): FleetSource {
  const { watches, log, pollMs } = options;
  const listeners = new Listeners();
  let services: ReadonlyMap<string, ServiceReference> = new Map();
  let fleet: Fleet | undefined;
  let fault: string | undefined;

  const kubernetes = kubernetesFleet({ watches });
  const file = fileFleet(path, {
    log,
    ...(pollMs !== undefined && { pollMs }),
    onServices(found) {
      services = found;
      kubernetes.setServices(found);
    },
  });
  const refresh = () => {
    const before = { fleet, fault };
    const joined = join(file.current(), services, kubernetes.current());
    if (joined !== undefined) fleet = keepIdentity(fleet, joined);
    fault = file.fault() ?? (services.size > 0 ? kubernetes.fault() : undefined);
    if (fleet === before.fleet && fault === before.fault) return;
    listeners.tell();
  };
  const unsubscribe = [file.subscribe(refresh), kubernetes.subscribe(refresh)];
  refresh();

  return {
    current: () => fleet,
    fault: () => fault,
    subscribe: (listener) => listeners.subscribe(listener),
    async close() {
      for (const end of unsubscribe) end();
      listeners.clear();
      await file.close();
      await kubernetes.close();
    },
  };
}

/** @returns undefined while a Service's cluster is not read yet: half a fleet is none */
function join(
  file: Fleet | undefined,
  services: ReadonlyMap<string, ServiceReference>,
  kubernetes: Fleet | undefined,
): Fleet | undefined {
  if (file === undefined) return undefined;
  const clusters = new Map<string, Cluster>();
  for (const [name, cluster] of file.clusters) {
    const found = services.has(name) ? kubernetes?.clusters.get(name) : cluster;
    if (found === undefined) return undefined;
    clusters.set(name, { ...cluster, endpoints: found.endpoints });
  }
  return { clusters, listeners: file.listeners };
}
