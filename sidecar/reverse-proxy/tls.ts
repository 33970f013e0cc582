import { existsSync } from "node:fs";
import { isIP } from "node:net";
import { Cluster_TransportSocketMatch } from "../../proto/generated/envoy/config/cluster/v3/cluster.ts";
import { SubjectAltNameMatcher_SanType } from "../../proto/generated/envoy/extensions/transport_sockets/tls/v3/common.ts";
import { UpstreamTlsContext } from "../../proto/generated/envoy/extensions/transport_sockets/tls/v3/tls.ts";
import { packAny } from "../../xds/resources/any.ts";
import { isHttp2, isTls, type ProxyHost } from "./config.ts";

/** Where Linux distributions and macOS keep the authorities that the system trusts, as one PEM file. */
const SYSTEM_CA_FILES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** The metadata by which Envoy finds an endpoint's {@link Cluster_TransportSocketMatch}. */
export const SOCKET_MATCH = "envoy.transport_socket_match";

/** The system's file of trusted authorities; undefined when it has none of the usual ones. */
export function systemCaFile(): string | undefined {
  return SYSTEM_CA_FILES.find((path) => existsSync(path));
}

/** What an endpoint of this host carries as {@link SOCKET_MATCH}; undefined for one in clear. */
export function socketMatchOf(host: ProxyHost): { readonly tls: string } | undefined {
  return isTls(host.scheme) ? { tls: host.address } : undefined;
}

/**
 * How to speak TLS with each of the hosts that want it: the certificate must be signed by an authority of the file and
 * stand for the host's own name or address. Hosts in clear match none.
 */
export function socketMatches(hosts: readonly ProxyHost[], caFile: string): Cluster_TransportSocketMatch[] {
  const byName = new Map(hosts.filter(({ scheme }) => isTls(scheme)).map((host) => [host.address, host]));
  return [...byName.values()].map((host) =>
    Cluster_TransportSocketMatch.fromPartial({
      name: host.address,
      match: socketMatchOf(host),
      transportSocket: {
        name: "envoy.transport_sockets.tls",
        configType: {
          $case: "typedConfig",
          typedConfig: packAny(
            "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            upstreamContext(host, caFile),
          ),
        },
      },
    }),
  );
}

function upstreamContext(host: ProxyHost, caFile: string): UpstreamTlsContext {
  const isAddress = isIP(host.address) !== 0;
  return UpstreamTlsContext.fromPartial({
    // TLS knows names here, not addresses: RFC 6066, section 3.
    sni: isAddress ? "" : host.address,
    commonTlsContext: {
      alpnProtocols: [isHttp2(host.scheme) ? "h2" : "http/1.1"],
      validationContextType: {
        $case: "validationContext",
        validationContext: {
          trustedCa: { specifier: { $case: "filename", filename: caFile } },
          matchTypedSubjectAltNames: [
            {
              sanType: isAddress ? SubjectAltNameMatcher_SanType.IP_ADDRESS : SubjectAltNameMatcher_SanType.DNS,
              matcher: { matchPattern: { $case: "exact", exact: host.address } },
            },
          ],
        },
      },
    },
  });
}
