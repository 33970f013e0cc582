import { type Command, is } from "../../common/settings.ts";

export const DEFAULT_CONFIG_FILE = "config.yaml";

const settings = {
  configFile: {
    flag: "config-file",
    env: "EVENKEEL_PROXY_CONFIG_FILE",
    value: "FILE",
    default: "",
    parse: is.anyText,
    help: `the services and where to listen; ${DEFAULT_CONFIG_FILE} when neither this nor --config is given`,
  },
  config: { flag: "config", value: "FILE", default: "", parse: is.anyText, help: "the same as --config-file" },
  caFile: {
    flag: "ca-file",
    env: "EVENKEEL_PROXY_CA_FILE",
    value: "FILE",
    default: "",
    parse: is.anyText,
    help: "authorities (PEM) that hosts over TLS must be signed by; empty for those that the system trusts",
  },
  adminPort: {
    flag: "admin-port",
    env: "EVENKEEL_ADMIN_PORT",
    value: "PORT",
    default: "0",
    parse: is.port({ zero: true }),
    help: "Envoy's admin server on loopback; 0 for a free port, which is logged",
  },
  concurrency: {
    flag: "concurrency",
    env: "EVENKEEL_CONCURRENCY",
    value: "THREADS",
    default: "0",
    parse: is.integer(0, 256),
    help: "Envoy's worker threads; 0 for one for each CPU",
  },
  maxHeap: {
    flag: "max-heap",
    env: "EVENKEEL_MAX_HEAP",
    value: "SIZE",
    default: "2GiB",
    parse: is.bytes(64 * 2 ** 20, 2 ** 40),
    help: "heap at which new requests are turned away, such as 1GiB",
  },
  drainTimeout: {
    flag: "drain-timeout",
    env: "EVENKEEL_DRAIN_TIMEOUT",
    value: "TIME",
    default: "25s",
    parse: is.duration(0, 3_600_000),
    help: "how long requests under way may take after SIGTERM",
  },
  accessLog: {
    flag: "access-log",
    env: "EVENKEEL_PROXY_ACCESS_LOG",
    parse: is.flag,
    help: "print a JSON line for each request",
  },
  envoyLogLevel: {
    flag: "envoy-log-level",
    env: "EVENKEEL_ENVOY_LOG_LEVEL",
    value: "LEVEL",
    default: "warning",
    parse: is.choice("trace", "debug", "info", "warning", "error"),
    help: "how much Envoy itself logs",
  },
} as const;

export const PROXY: Command<typeof settings> = {
  name: "evenkeel proxy",
  summary: "The random reverse proxy: an Envoy that sends each request to one host of its domain's service, at random.",
  settings,
  examples: ["evenkeel config --sub-domain my-service", "evenkeel proxy --config-file config.yaml"],
};

export type ProxySettings = typeof settings;
