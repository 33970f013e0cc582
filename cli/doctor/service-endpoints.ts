import type { EndpointSlice } from "./objects.ts";

const SERVICE_LABEL = "kubernetes.io/service-name";

/** Addresses of a Service that take requests. */
export function readyAddresses(slices: readonly EndpointSlice[], namespace: string, service: string): string[] {
  return slices
    .filter(
      ({ metadata }) => (metadata.namespace ?? "default") === namespace && metadata.labels?.[SERVICE_LABEL] === service,
    )
    .flatMap(({ endpoints }) => endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false)
    .flatMap(({ addresses }) => addresses);
}
