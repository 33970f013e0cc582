import { is } from "../../common/settings.ts";

/** Where our own image has the system's authorities, and Debian, Ubuntu and Alpine. */
const CA_FILE = "/etc/ssl/certs/ca-certificates.crt";

/** The settings of a control plane that serves the reverse proxy. */
export const proxySettings = {
  proxyConfig: {
    flag: "proxy-config",
    env: "EVENKEEL_PROXY_CONFIG",
    value: "FILE",
    default: "",
    parse: is.anyText,
    help: "the reverse proxy's configuration file, served to every Envoy that asks for listeners; read again when it changes",
  },
  proxyCaFile: {
    flag: "proxy-ca-file",
    env: "EVENKEEL_PROXY_CA_FILE",
    value: "FILE",
    default: CA_FILE,
    parse: is.text,
    help: "authorities (PEM) that hosts over TLS must be signed by: a file where the Envoys run",
  },
  proxyAccessLog: {
    flag: "proxy-access-log",
    env: "EVENKEEL_PROXY_ACCESS_LOG",
    parse: is.flag,
    help: "have each Envoy print a JSON line for each request of the reverse proxy",
  },
} as const;
