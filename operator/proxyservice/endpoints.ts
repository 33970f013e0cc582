import type { KubeClient } from "../../common/kubernetes/client.ts";
import { listAll } from "../../common/kubernetes/list.ts";
import type { KubeObject } from "../../common/kubernetes/object.ts";
import { RESOURCES } from "../../common/kubernetes/resource-type.ts";
import type { ReadyEndpoints } from "./takeover/observed.ts";

const SERVICE_LABEL = "kubernetes.io/service-name";

/** What is read of a discovery.k8s.io/v1 EndpointSlice. */
export interface EndpointSlice extends KubeObject {
  readonly endpoints?:
    | readonly {
        readonly conditions?: { readonly ready?: boolean | null };
        readonly targetRef?: { readonly kind?: string; readonly name?: string };
      }[]
    | null;
}

/** Lists the endpoints of Services by Service name. @throws EvenkeelError EK_KUBE_… */
export async function listEndpoints(
  client: KubeClient,
  namespace: string,
  services: readonly string[],
): Promise<ReadonlyMap<string, readonly EndpointSlice[]>> {
  const { items } = await listAll<EndpointSlice>(
    client,
    { resource: RESOURCES.endpointSlices, namespace },
    { labelSelector: `${SERVICE_LABEL} in (${services.join(",")})` },
  );
  return Map.groupBy(items, ({ metadata }) => metadata.labels?.[SERVICE_LABEL] ?? "");
}

/** Counts ready endpoints, those that are pods of the Deployment `gateway` apart. */
export function readyEndpoints(slices: readonly EndpointSlice[], gateway: string): ReadyEndpoints {
  const podOfGateway = new RegExp(`^${gateway}-[a-z0-9]+-[a-z0-9]{5}$`);
  const ready = slices
    .flatMap(({ endpoints }) => endpoints ?? [])
    // The API: nil means unknown, and is to be taken for true.
    .filter(({ conditions }) => conditions?.ready !== false);
  const own = ready.filter(({ targetRef }) => targetRef?.kind === "Pod" && podOfGateway.test(targetRef.name ?? ""));
  return { gateway: own.length, others: ready.length - own.length };
}
