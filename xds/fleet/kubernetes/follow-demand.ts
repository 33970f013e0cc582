import { type DemandReader, TYPE_URLS, type TypeUrl } from "../../resources/resource.ts";
import type { KubernetesFleet } from "./kubernetes-fleet.ts";

const ASKED_BY: ReadonlySet<TypeUrl> = new Set([TYPE_URLS.endpoints, TYPE_URLS.cluster]);

/** Has the fleet hold what clients ask for by name. @returns the end of it */
export function followDemand(demand: DemandReader, fleet: KubernetesFleet): () => void {
  const look = (name: string) => {
    const wanted = [...ASKED_BY].some((typeUrl) => demand.subscribers(typeUrl, name) > 0);
    if (wanted) fleet.request(name);
    else fleet.release(name);
  };
  for (const typeUrl of ASKED_BY) for (const name of demand.names(typeUrl)) look(name);
  return demand.subscribe((typeUrl, name) => {
    if (ASKED_BY.has(typeUrl)) look(name);
  });
}
