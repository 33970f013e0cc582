import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import { destinationRuleName, gatewayName, gatewaySelector, virtualServiceName } from "../names.ts";
import { isHttp, type Settled } from "../resource.ts";
import { type DesiredObject, objectOf } from "./meta.ts";

/**
 * Istio's Gateway, VirtualService and DestinationRule: every host and path on the gateway's ports goes to the target.
 * @param ports what the gateway serves; all but `settled.port` are passed on as bytes
 * @param host the target's full name
 */
export function routingObjects(settled: Settled, ports: readonly number[], host: string): DesiredObject[] {
  return [gateway(settled, ports), virtualService(settled, ports, host), destinationRule(settled, host)];
}

function gateway(settled: Settled, ports: readonly number[]): DesiredObject {
  const { name, namespace } = settled;
  return {
    ...objectOf(RESOURCES.gateways, settled, gatewayName(name)),
    spec: {
      selector: gatewaySelector(name, namespace),
      servers: ports.map((number) => {
        const protocol = number === settled.port && isHttp(settled.protocol) ? settled.protocol : "TCP";
        // "./*": routes of this namespace only.
        return { port: { number, name: `${protocol.toLowerCase()}-${number}`, protocol }, hosts: ["./*"] };
      }),
    },
  };
}

function virtualService(settled: Settled, ports: readonly number[], host: string): DesiredObject {
  const { name, port, protocol } = settled;
  const to = (number: number) => [{ destination: { host, port: { number } } }];
  const bytes = ports.filter((number) => number !== port || !isHttp(protocol));
  return {
    ...objectOf(RESOURCES.virtualServices, settled, virtualServiceName(name)),
    spec: {
      hosts: ["*"],
      gateways: [gatewayName(name)],
      ...(isHttp(protocol)
        ? {
            http: [
              ...rewrites(settled).map((rewrite) => ({ ...rewrite, route: to(port) })),
              { name: `${name}-default-route`, route: to(port) },
            ],
          }
        : {}),
      ...(bytes.length === 0 ? {} : { tcp: bytes.map((number) => ({ match: [{ port: number }], route: to(number) })) }),
    },
  };
}

/** `/api` to `/` would make `//x` of `/api/x`, as Envoy puts only the prefix in another's place: that takes two matches. */
function rewrites({ name, matchUriPrefix, rewriteUri }: Settled): object[] {
  if (matchUriPrefix === undefined || rewriteUri === undefined) return [];
  const matches =
    rewriteUri.endsWith("/") && !matchUriPrefix.endsWith("/")
      ? [{ uri: { prefix: `${matchUriPrefix}/` } }, { uri: { exact: matchUriPrefix } }]
      : [{ uri: { prefix: matchUriPrefix } }];
  return [{ name: `${name}-rewrite`, match: matches, rewrite: { uri: rewriteUri } }];
}

/**
 * How the gateway picks. Istio's PASSTHROUGH sends a request to the address that the client dialled, which at a gateway is
 * the gateway itself: there the choice is left to Istio instead.
 */
function destinationRule(settled: Settled, host: string): DesiredObject {
  const { name, namespace, loadBalancer } = settled;
  return {
    ...objectOf(RESOURCES.destinationRules, settled, destinationRuleName(name)),
    spec: {
      host,
      exportTo: ["."],
      // Others that call the target keep their own way of picking.
      workloadSelector: { matchLabels: gatewaySelector(name, namespace) },
      ...(loadBalancer === "PASSTHROUGH" ? {} : { trafficPolicy: { loadBalancer: { simple: loadBalancer } } }),
    },
  };
}
