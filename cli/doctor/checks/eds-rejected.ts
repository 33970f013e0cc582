import type { Check } from "../check.ts";
import type { Console } from "../console.ts";
import type { Finding } from "../finding.ts";
import { listed, shortened } from "../mend.ts";

/** Configuration that an Envoy has refused: it goes on with what it had. One finding for each type and message. */
export function judgeRefusals(consoles: readonly Pick<Console, "where" | "clients">[]): Finding[] {
  const byMessage = new Map<
    string,
    { type: string; message: string; clients: Set<string>; where: string; names: string }
  >();
  for (const { where, clients } of consoles)
    for (const client of clients)
      for (const { typeUrl, nack } of client.types) {
        if (nack === undefined) continue;
        const type = shortType(typeUrl);
        const key = `${type} ${nack.message}`;
        const names = typeof nack.names === "object" ? listed([...nack.names], 3) : "all";
        const known = byMessage.get(key) ?? { type, message: nack.message, clients: new Set(), where, names };
        known.clients.add(client.name);
        byMessage.set(key, known);
      }
  return [...byMessage.values()].map(({ type, message, clients, where, names }) => ({
    check: "eds-rejected",
    what: `Envoy refuses the ${type} that it is told`,
    where: `${listed([...clients])}, clients of ${where}`,
    seen: shortened(`${message} (resources: ${names})`),
    mend: mendOf(message, [...clients][0] ?? ""),
  }));
}

/** `envoy.config.endpoint.v3.ClusterLoadAssignment` is known as endpoints. */
function shortType(typeUrl: string): string {
  const known: Readonly<Record<string, string>> = {
    ClusterLoadAssignment: "endpoints (EDS)",
    Cluster: "clusters (CDS)",
    Listener: "listeners (LDS)",
    RouteConfiguration: "routes (RDS)",
  };
  const name = typeUrl.split(".").at(-1) ?? typeUrl;
  return known[name] ?? name;
}

/** `POD` or `POD.NAMESPACE`, as Istio's gateways call themselves. */
const POD = /^([a-z0-9][-a-z0-9]*)(?:\.([a-z0-9][-a-z0-9]*))?(?:\.|$)/;

function mendOf(message: string, client: string): string {
  // A client names itself: what is no name of a pod must not come into a command.
  const [, pod = "POD", namespace] = POD.exec(client) ?? [];
  const inNamespace = namespace === undefined ? "" : ` -n ${namespace}`;
  const log = `kubectl logs ${pod}${inNamespace} --tail=50    # the warning "gRPC config … rejected"`;
  if (/unknown|not found|Unable to (parse|unpack)|no such field/i.test(message))
    return `kubectl set image deployment/NAME${inNamespace} '*=IMAGE'    # this Envoy does not know the field: 1.34 or newer does\n${log}`;
  return `${log}\nevenkeel doctor --json    # with its output and that log please report it: the control plane checks what it sends`;
}

export const edsRejected: Check = {
  name: "eds-rejected",
  looksFor: "endpoints and other resources that an Envoy has refused",
  run: async (look) => judgeRefusals(await look.consoles()),
};
