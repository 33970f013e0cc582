/** One port of a Service, perhaps only the pods of a DestinationRule's subset. */
export interface ServiceReference {
  readonly namespace: string;
  readonly service: string;
  /** The Service's own port, not the pods'. */
  readonly port: number;
  /** Empty: all pods. */
  readonly subset: string;
}

const DNS_LABEL = "[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?";
const HOST = new RegExp(`^(${DNS_LABEL})\\.(${DNS_LABEL})\\.svc(?:\\.[-a-z0-9.]+)?$`);
const SETTING = new RegExp(`^(${DNS_LABEL})/(${DNS_LABEL}):(\\d{1,5})$`);

/**
 * Reads the name that Istio gives to a cluster, `outbound|PORT|SUBSET|SERVICE.NS.svc.cluster.local`, or in the form that
 * its SNI routing uses, `outbound_.PORT_.SUBSET_.HOST`.
 * @returns undefined for the name of anything else
 */
export function parseIstioClusterName(name: string): ServiceReference | undefined {
  const parts = name.startsWith("outbound_.") ? name.split("_.") : name.split("|");
  const [direction, portText = "", subset = "", host = ""] = parts;
  const match = HOST.exec(host);
  const port = readPort(portText);
  if (parts.length !== 4 || direction !== "outbound" || match === null || port === undefined) return undefined;
  return { namespace: match[2] as string, service: match[1] as string, port, subset };
}

/**
 * Reads `NS/NAME:PORT`, several separated by commas: our own gateway's services. The cluster takes the Service's name.
 * @throws Error whose message continues "VALUE …"
 */
export function parseServices(text: string): ReadonlyMap<string, ServiceReference> {
  const services = new Map<string, ServiceReference>();
  for (const part of text.split(",").filter((each) => each.trim() !== "")) {
    const match = SETTING.exec(part.trim());
    const port = readPort(match?.[3] ?? "");
    if (match === null || port === undefined)
      throw new Error("is not NAMESPACE/SERVICE:PORT, such as default/proxy-workers:8080");
    const service = match[2] as string;
    if (services.has(service)) throw new Error(`names two clusters ${service}`);
    services.set(service, { namespace: match[1] as string, service, port, subset: "" });
  }
  return services;
}

function readPort(text: string): number | undefined {
  const port = Number(text);
  return /^\d+$/.test(text) && port >= 1 && port <= 65535 ? port : undefined;
}
