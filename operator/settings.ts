import { hostname } from "node:os";
import { kubeSettings } from "../common/kubernetes/config.ts";
import { type Command, is, type Parser, type Values } from "../common/settings.ts";
import type { XdsAccess } from "./proxyservice/desired/bootstrap.ts";

/** `HOST:PORT`, or nothing. */
const hostPort: Parser<{ readonly address: string; readonly port: number } | undefined> = (text) => {
  if (text === "") return undefined;
  const [, address, port] = /^\[?([^\s/]+?)\]?:(\d{1,5})$/.exec(text) ?? [];
  if (address === undefined || !(Number(port) >= 1 && Number(port) <= 65_535)) throw new Error("is not HOST:PORT");
  return { address, port: Number(port) };
};

const spiffe: Parser<string | undefined> = (text) => {
  if (text === "none") return undefined;
  if (!/^spiffe:\/\/[^/]+\/.+/.test(text)) throw new Error("is neither a SPIFFE id (spiffe://…) nor none");
  return text;
};

const settings = {
  ...kubeSettings,
  namespace: {
    flag: "namespace",
    env: "EVENKEEL_NAMESPACE",
    value: "NAMESPACE",
    parse: is.anyText,
    default: "",
    help: "look after ProxyServices of this namespace only; without one, of all",
  },
  xdsAddress: {
    flag: "xds-address",
    env: "EVENKEEL_XDS_ADDRESS",
    value: "HOST:PORT",
    parse: hostPort,
    default: "",
    help: "the control plane as gateways reach it; a Service of the cluster as NAME.NAMESPACE.svc.…; without one there are no weights",
  },
  xdsIdentity: {
    flag: "xds-identity",
    env: "EVENKEEL_XDS_IDENTITY",
    value: "SPIFFE",
    parse: spiffe,
    default: "spiffe://cluster.local/ns/evenkeel/sa/evenkeel-control-plane",
    help: "the control plane's identity, checked over Istio's mutual TLS; none: plain text",
  },
  clusterDomain: {
    flag: "cluster-domain",
    env: "EVENKEEL_CLUSTER_DOMAIN",
    value: "DOMAIN",
    parse: is.text,
    default: "cluster.local",
    help: "the domain of the cluster's Services",
  },
  drain: {
    flag: "drain",
    env: "EVENKEEL_OPERATOR_DRAIN",
    value: "TIME",
    parse: is.duration(0, 3_600_000),
    default: "30s",
    help: "how long a gateway goes on after its Service is given back, for clients that have not heard of it",
  },
  resync: {
    flag: "resync",
    env: "EVENKEEL_OPERATOR_RESYNC",
    value: "TIME",
    parse: is.duration(1000, 86_400_000),
    default: "5m",
    help: "how often everything is looked at although nothing was heard",
  },
  workers: {
    flag: "workers",
    env: "EVENKEEL_OPERATOR_WORKERS",
    value: "COUNT",
    parse: is.integer(1, 64),
    default: "4",
    help: "ProxyServices worked on at once",
  },
  host: {
    flag: "http-host",
    env: "EVENKEEL_HTTP_HOST",
    value: "ADDRESS",
    parse: is.text,
    default: "0.0.0.0",
    help: "address of /healthz, /readyz and /metrics",
  },
  port: {
    flag: "http-port",
    env: "EVENKEEL_HTTP_PORT",
    value: "PORT",
    parse: is.port({ zero: true }),
    default: "8081",
    help: "their port; 0 for a free one",
  },
  identity: {
    flag: "identity",
    env: "POD_NAME",
    value: "NAME",
    parse: is.text,
    default: `${hostname()}-${process.pid}`,
    help: "this replica's name, unlike the others'",
  },
  leaseNamespace: {
    flag: "lease-namespace",
    env: "POD_NAMESPACE",
    value: "NAMESPACE",
    parse: is.anyText,
    default: "",
    help: "namespace of the Lease that one replica holds; without one, the pod's or the kubeconfig's",
  },
  leaseName: {
    flag: "lease-name",
    env: "EVENKEEL_OPERATOR_LEASE",
    value: "NAME",
    parse: is.text,
    default: "proxy-service-operator",
    help: "name of the Lease",
  },
  leaseDuration: {
    flag: "lease-duration",
    env: "EVENKEEL_OPERATOR_LEASE_DURATION",
    value: "TIME",
    parse: is.duration(1000, 600_000),
    default: "15s",
    help: "a replica that is not heard of for this long is replaced; it stops by itself after two thirds of it",
  },
} as const;

export const OPERATOR: Command<typeof settings> = {
  name: "evenkeel operator",
  summary: "Carries ProxyServices out: a gateway for a Service, and back.",
  settings,
  examples: [
    "evenkeel operator --kubeconfig ~/.kube/config --xds-address evenkeel-control-plane.evenkeel.svc.cluster.local:18000",
  ],
};

export type OperatorSettings = Values<typeof settings>;

/** How gateways reach the control plane; undefined: there is none. */
export function xdsAccessOf({ xdsAddress, xdsIdentity }: OperatorSettings): XdsAccess | undefined {
  if (xdsAddress === undefined) return undefined;
  return xdsIdentity === undefined ? xdsAddress : { ...xdsAddress, identity: xdsIdentity };
}
