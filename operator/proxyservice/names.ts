/** Label of every object that the operator makes; its value is the ProxyService's name. */
export const OWNER_LABEL = "msvcbench.io/proxyservice";
/** Label of the gateway's pods beside `istio`: Istio's Gateways select pods of all namespaces, and names repeat there. */
export const NAMESPACE_LABEL = "evenkeel.io/namespace";
/** Annotation of what the operator makes: a hash of what it wanted. */
export const APPLIED_ANNOTATION = "evenkeel.io/applied";
/** Annotation of a Service that was taken over, and of the target made from it: what it was before, as JSON. */
export const ORIGINAL_ANNOTATION = "evenkeel.io/original-spec";
/** Annotation of a Service that was taken over: by which ProxyService of its namespace. */
export const TAKEN_BY_ANNOTATION = "evenkeel.io/taken-over-by";
/** Annotation of a Service that is wanted no more: since when (RFC 3339). */
export const UNUSED_ANNOTATION = "evenkeel.io/unused-since";
/** Annotation of a Deployment whose replicas the operator itself sets. */
export const FIXED_REPLICAS_ANNOTATION = "evenkeel.io/fixed-replicas";
/** Keeps a ProxyService until its Service is given back. */
export const FINALIZER = "msvcbench.io/give-back";
/** The operator's name as the owner of fields. */
export const FIELD_MANAGER = "evenkeel-operator";

/** Port of a gateway pod's own readiness. */
export const STATUS_PORT = 15021;
export const HTTPS_PORT = 443;
/** Ports that Istio's proxy needs for itself (https://istio.io/latest/docs/ops/deployment/application-requirements/). */
export const RESERVED_PORTS: readonly number[] = [
  15000, 15001, 15002, 15004, 15006, 15008, 15009, 15020, 15021, 15053, 15090,
];

export const gatewayName = (name: string): string => `${name}-gw`;
export const virtualServiceName = (name: string): string => `${name}-vs`;
export const destinationRuleName = (name: string): string => `${name}-dr`;
export const bootstrapName = (name: string): string => `${name}-bootstrap`;
export const envoyFilterName = (name: string): string => `${name}-eds`;

/** What selects the gateway's pods, and no others in the cluster. */
export function gatewaySelector(name: string, namespace: string): Record<string, string> {
  return { istio: name, [NAMESPACE_LABEL]: namespace };
}
