import { isIP } from "node:net";
import { dirname, join } from "node:path";

/** How an Envoy knows the control plane, and shows itself to it: paths of PEM files. */
export interface XdsTls {
  /** Envoy's certificate, and those that lead to its root. */
  readonly certificate: string;
  readonly key: string;
  /** The roots that the control plane's certificate must lead to. */
  readonly roots: string;
  /** One of these must be in the control plane's certificate: host names, IP addresses, or URIs such as SPIFFE ids. */
  readonly names: readonly string[];
}

const CERTIFICATE = "evenkeel-xds-certificate";
const ROOTS = "evenkeel-xds-roots";
const TYPE = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";

/**
 * The transport socket of the control plane's cluster, as JSON.
 * @param secrets folder with the files of {@link secretFiles}, by which Envoy reads the PEM files again when they are
 * replaced; without it they are read once
 */
export function xdsTransportSocket(tls: XdsTls, secrets?: string): object {
  const fromFile = (name: string) => ({
    name,
    sds_config: { path_config_source: { path: join(secrets ?? "", `${name}.json`) }, resource_api_version: "V3" },
  });
  const { certificate, validation } = contexts(tls);
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": `${TYPE}.UpstreamTlsContext`,
      ...sni(tls.names),
      common_tls_context: {
        alpn_protocols: ["h2"],
        tls_params: { tls_minimum_protocol_version: "TLSv1_2" },
        ...(secrets === undefined
          ? { tls_certificates: [certificate], validation_context: validation }
          : {
              tls_certificate_sds_secret_configs: [fromFile(CERTIFICATE)],
              validation_context_sds_secret_config: fromFile(ROOTS),
            }),
      },
    },
  };
}

/** What tells Envoy where its secrets are, by file name. It watches the PEM files' folders for files that are moved there. */
export function secretFiles(tls: XdsTls): Readonly<Record<string, object>> {
  const { certificate, validation } = contexts(tls);
  const watched = (path: string) => ({ watched_directory: { path: dirname(path) } });
  const secret = (name: string, content: object) => ({
    resources: [{ "@type": `${TYPE}.Secret`, name, ...content }],
  });
  return {
    [`${CERTIFICATE}.json`]: secret(CERTIFICATE, { tls_certificate: { ...certificate, ...watched(tls.certificate) } }),
    [`${ROOTS}.json`]: secret(ROOTS, { validation_context: { ...validation, ...watched(tls.roots) } }),
  };
}

function contexts({ certificate, key, roots, names }: XdsTls): { certificate: object; validation: object } {
  return {
    certificate: { certificate_chain: { filename: certificate }, private_key: { filename: key } },
    validation: {
      trusted_ca: { filename: roots },
      match_typed_subject_alt_names: names.map((name) => ({ san_type: kindOf(name), matcher: { exact: name } })),
    },
  };
}

function kindOf(name: string): "IP_ADDRESS" | "URI" | "DNS" {
  if (isIP(name) !== 0) return "IP_ADDRESS";
  return name.includes("://") ? "URI" : "DNS";
}

/** Only host names go into a client's hello. */
function sni(names: readonly string[]): { sni?: string } {
  const host = names.find((name) => kindOf(name) === "DNS");
  return host === undefined ? {} : { sni: host };
}
