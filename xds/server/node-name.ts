/**
 * A node id as a person knows it: Istio's `router~10.1.0.7~gateway-abc.shop~shop.svc.cluster.local` is `gateway-abc.shop`;
 * any other id is itself.
 */
export function nodeName(nodeId: string): string {
  const [, , name, domain, more] = nodeId.split("~");
  return name === undefined || name === "" || domain === undefined || more !== undefined ? nodeId : name;
}
