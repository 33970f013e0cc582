import { EvenkeelError } from "../../common/errors.ts";
import type { Logger } from "../../common/log.ts";
import { is, type Values } from "../../common/settings.ts";
import { parseAllowedClients } from "./admission.ts";
import type { CurrentIdentity } from "./credentials.ts";
import { identityOfFiles } from "./files.ts";
import { identityOfIstio } from "./istio.ts";

/** Below it, renewal at half the time would be busy work; above a year, no mesh means it. */
const MIN_CERT_MS = 60_000;
const MAX_CERT_MS = 365 * 24 * 3_600_000;

export const tlsSettings = {
  tls: {
    flag: "tls",
    env: "EVENKEEL_TLS",
    value: "FROM",
    parse: is.choice("none", "files", "istio"),
    default: "none",
    help: "mutual TLS of the xDS port: none; by --tls-cert, --tls-key and --tls-ca; or by istiod's CA, as one of the mesh",
  },
  tlsCert: {
    flag: "tls-cert",
    env: "EVENKEEL_TLS_CERT",
    value: "FILE",
    parse: is.anyText,
    default: "",
    help: "the certificate and those that lead to its root, PEM; read again when it changes",
  },
  tlsKey: {
    flag: "tls-key",
    env: "EVENKEEL_TLS_KEY",
    value: "FILE",
    parse: is.anyText,
    default: "",
    help: "its key, PEM",
  },
  tlsCa: {
    flag: "tls-ca",
    env: "EVENKEEL_TLS_CA",
    value: "FILE",
    parse: is.anyText,
    default: "",
    help: "the roots that clients' certificates must lead to, PEM",
  },
  allowedClients: {
    flag: "allowed-clients",
    env: "EVENKEEL_ALLOWED_CLIENTS",
    value: "SPIFFE,…",
    parse: parseAllowedClients,
    default: "",
    help: "who may connect over TLS, such as spiffe://cluster.local/ns/shop/sa/* ; without one, whoever the roots vouch for",
  },
  istioCa: {
    flag: "istio-ca",
    env: "EVENKEEL_ISTIO_CA",
    value: "HOST:PORT",
    parse: is.text,
    default: "istiod.istio-system.svc:15012",
    help: "istiod's CA, for --tls istio",
  },
  istioToken: {
    flag: "istio-token",
    env: "EVENKEEL_ISTIO_TOKEN",
    value: "FILE",
    parse: is.text,
    default: "/var/run/secrets/tokens/istio-token",
    help: "the pod's token of audience istio-ca",
  },
  istioRoot: {
    flag: "istio-root",
    env: "EVENKEEL_ISTIO_ROOT",
    value: "FILE",
    parse: is.text,
    default: "/var/run/secrets/istio/root-cert.pem",
    help: "the mesh's root certificate, from the ConfigMap istio-ca-root-cert",
  },
  trustDomain: {
    flag: "trust-domain",
    env: "EVENKEEL_TRUST_DOMAIN",
    value: "DOMAIN",
    parse: is.text,
    default: "cluster.local",
    help: "the mesh's trust domain",
  },
  istioClusterId: {
    flag: "istio-cluster-id",
    env: "EVENKEEL_ISTIO_CLUSTER_ID",
    value: "NAME",
    parse: is.text,
    default: "Kubernetes",
    help: "this cluster's name in a mesh of several",
  },
  istioCertTtl: {
    flag: "istio-cert-ttl",
    env: "EVENKEEL_ISTIO_CERT_TTL",
    value: "TIME",
    parse: is.duration(MIN_CERT_MS, MAX_CERT_MS),
    default: "24h",
    help: "how long a certificate is asked for, as SECRET_TTL of Istio's proxies; at most istiod's MAX_WORKLOAD_CERT_TTL",
  },
} as const;

export type TlsSettings = Values<typeof tlsSettings>;

/** The port's identity, kept up to date until it is closed. */
export interface OpenIdentity {
  readonly current: CurrentIdentity;
  close(): void;
}

/**
 * Gets the identity that the settings name; undefined: plain text.
 * @throws EvenkeelError EK_SETTING_INVALID, EK_FILE_UNREADABLE, EK_TLS_INVALID, EK_STOPPED
 */
export async function openIdentity(
  settings: TlsSettings,
  options: { readonly log: Logger; readonly signal: AbortSignal },
): Promise<OpenIdentity | undefined> {
  switch (settings.tls) {
    case "none":
      return undefined;
    case "files":
      return identityOfFiles(files(settings), options);
    case "istio": {
      const { istioCa: address, istioToken: tokenFile, istioRoot: rootsFile } = settings;
      const { trustDomain, istioClusterId: clusterId, istioCertTtl: validMs } = settings;
      return identityOfIstio({ address, tokenFile, rootsFile, trustDomain, clusterId, validMs }, options);
    }
  }
}

/** @throws EvenkeelError EK_SETTING_INVALID */
export function checkTls(settings: TlsSettings): void {
  if (settings.tls === "files") files(settings);
  if (settings.tls === "none" && settings.allowedClients.length > 0)
    throw new EvenkeelError("EK_SETTING_INVALID", "--allowed-clients needs TLS to know who the clients are", {
      next: "give --tls files or --tls istio",
    });
}

function files({ tlsCert: certificate, tlsKey: key, tlsCa: roots }: TlsSettings) {
  const missing = Object.entries({ "--tls-cert": certificate, "--tls-key": key, "--tls-ca": roots })
    .filter(([, path]) => path === "")
    .map(([flag]) => flag);
  if (missing.length > 0)
    throw new EvenkeelError("EK_SETTING_INVALID", `--tls files needs ${missing.join(", ")}`, { where: "--tls" });
  return { certificate, key, roots };
}
