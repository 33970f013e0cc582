import { EvenkeelError } from "../../common/errors.ts";
import { encodeResource } from "../../xds/resources/encode.ts";
import { type EncodedResource, TYPE_URLS, type TypeUrl } from "../../xds/resources/resource.ts";
import type { ResourceStore } from "../../xds/resources/store.ts";
import type { TypeStatus } from "../../xds/server/client-status.ts";
import type { XdsServer } from "../../xds/server/server.ts";
import type { ProxyResources } from "./resources.ts";

/** The cluster of a name that never resolves, or of a host that is down, is waited for no longer than this. */
const CLUSTERS_MS = 10_000;
/** At its start an Envoy asks for listeners only when each name has resolved or failed: half a minute without DNS. */
const ROUTES_MS = 90_000;
const POLL_MS = 20;
/** Resources that are made and encoded before others get their turn: about 10 ms. */
const AT_ONCE = 50;

/**
 * Makes, checks and encodes a proxy's resources, a part at a time, so that thousands of services do not hold up everything else.
 * @throws EvenkeelError EK_RESOURCE_INVALID
 */
export async function encodeProxy(resources: ProxyResources): Promise<readonly EncodedResource[]> {
  const encoded: EncodedResource[] = [];
  for (const cluster of resources.clusters) {
    encoded.push(encodeResource(TYPE_URLS.cluster, cluster.name, cluster));
    if (encoded.length % AT_ONCE === 0) await othersTurn();
  }
  for (const listener of resources.listeners) encoded.push(encodeResource(TYPE_URLS.listener, listener.name, listener));
  await othersTurn();
  for (const routes of resources.routes) {
    // One message for all services: it takes as long to encode as it took to make.
    await othersTurn();
    encoded.push(encodeResource(TYPE_URLS.route, routes.name, routes));
  }
  return encoded;
}

function othersTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Brings one Envoy from what the store holds to new resources without a moment in which a route leads nowhere: first the
 * clusters that come or change, then routes and listener, and last the clusters that go.
 * @param ended aborted when there is no Envoy any more
 * @throws EvenkeelError EK_ENVOY_REFUSED; the store then holds what it held before. EK_TIMEOUT. The signal's reason
 */
export async function publish(
  server: Pick<XdsServer, "clients">,
  store: ResourceStore,
  next: readonly EncodedResource[],
  ended: AbortSignal,
): Promise<void> {
  const before = Object.values(TYPE_URLS).flatMap((typeUrl) => [...store.all(typeUrl).values()]);
  const isCluster = ({ typeUrl }: EncodedResource) => typeUrl === TYPE_URLS.cluster;
  try {
    store.apply({ upsert: next.filter(isCluster), remove: [] });
    await accepted(server, store, TYPE_URLS.cluster, CLUSTERS_MS, ended);
    store.apply({ upsert: next.filter((resource) => !isCluster(resource)), remove: [] });
    for (const typeUrl of [TYPE_URLS.listener, TYPE_URLS.route])
      if (!(await accepted(server, store, typeUrl, ROUTES_MS, ended)))
        throw new EvenkeelError("EK_TIMEOUT", `Envoy has not taken its configuration after ${ROUTES_MS} ms`);
  } catch (error) {
    store.apply({ upsert: before, remove: gone(next, before) });
    throw error;
  }
  store.apply({ upsert: [], remove: gone(before, next) });
}

/** Those of `these` that `others` have none of. */
function gone(these: readonly EncodedResource[], others: readonly EncodedResource[]): EncodedResource[] {
  const kept = new Set(others.map(({ typeUrl, name }) => `${typeUrl} ${name}`));
  return these.filter(({ typeUrl, name }) => !kept.has(`${typeUrl} ${name}`));
}

/** Whether Envoy says within the time that it has what the store holds. */
async function accepted(
  server: Pick<XdsServer, "clients">,
  store: ResourceStore,
  typeUrl: TypeUrl,
  timeoutMs: number,
  ended: AbortSignal,
): Promise<boolean> {
  for (const end = performance.now() + timeoutMs; performance.now() < end; ) {
    ended.throwIfAborted();
    const status = statusOf(server, typeUrl);
    if (status?.sentVersion === store.version(typeUrl)) {
      if (status.state === "error") throw refused(status);
      if (status.ackedVersion === status.sentVersion) return true;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return false;
}

function statusOf(server: Pick<XdsServer, "clients">, typeUrl: TypeUrl): TypeStatus | undefined {
  return server
    .clients()
    .flatMap(({ types }) => types)
    .find((status) => status.typeUrl === typeUrl);
}

function refused({ nack }: TypeStatus): EvenkeelError {
  return new EvenkeelError("EK_ENVOY_REFUSED", nack?.message ?? "it does not say why");
}
